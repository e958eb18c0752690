"""What tests do with the page in a browser: open it, draw, and read what it shows."""

import base64
import re
from io import BytesIO

import pytest

from dalle.recipe import Recipe, load_png

playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the page's tests need axe")
from playwright.sync_api import Locator, Page, expect  # noqa: E402

TIMEOUT_MS = 30_000  # until an expectation fails: machines may be busy


def load(page: Page, address: str) -> None:
    """Open an address, and wait until what the browser stores has been loaded."""
    with page.expect_response(re.compile("/run/predict")):
        page.goto(address)


def draw(page: Page, prompt: str = "a red apple") -> None:
    """Draw a gallery, and wait until its first picture is open."""
    prompt_box(page).fill(prompt)
    page.keyboard.press("Enter")
    expect(gallery(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text(prompt)


def prompt_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt")


def gallery(page: Page) -> Locator:
    """The finished pictures."""
    return page.locator("#pictures [data-index]")


def slider(page: Page, name: str = "size") -> Locator:
    return page.get_by_role("slider", name=f"range slider for {name}")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def open_picture_url(page: Page) -> str:
    """The open picture's PNG file, as a data URL."""
    return page.get_by_role("figure").get_by_role("img").get_attribute("src")


def open_picture_recipe(page: Page) -> Recipe:
    """The open picture's recipe, from its file."""
    return load_png(BytesIO(base64.b64decode(open_picture_url(page).partition(",")[2])))


def expect_picture(page: Page, url: str) -> None:
    expect(page.get_by_role("figure").get_by_role("img")).to_have_attribute("src", url)


def expect_other_picture(page: Page, url: str) -> None:
    expect(page.get_by_role("figure").get_by_role("img")).not_to_have_attribute("src", url)


def axe_violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds that assistive programs cannot read: (rule, HTML of the element)."""
    violations = axe.Axe().run(page).response["violations"]
    return [(violation["id"], node["html"]) for violation in violations for node in violation["nodes"]]
