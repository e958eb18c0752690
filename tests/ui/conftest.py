"""Fixtures of the page's tests: a fake studio, a picture of it, and a browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.tiles import EncodedPicture
from tests.fake_studio import FakeStudio

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-quic",
]


@pytest.fixture
def studio() -> FakeStudio:
    return FakeStudio()


@pytest.fixture
def encoded(studio: FakeStudio) -> EncodedPicture:
    return EncodedPicture.encode(studio.draw_now(studio.recipe(prompt="a red apple", seed=7)))


@pytest.fixture
def picture(studio: FakeStudio) -> OpenPicture:
    return OpenPicture.from_recipe(studio.recipe(prompt="a red apple", seed=7), studio.code_of_recipe)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by playwright; skips where one of them is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("the page's tests need chromium: apt-get install chromium")
    from tests.ui.browser import TIMEOUT_MS

    playwright.expect.set_options(timeout=TIMEOUT_MS)
    with playwright.sync_playwright() as play:
        yield play.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)


@pytest.fixture
def visit(browser: Any, address: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page at `address` as a new visitor, who reports no errors and no requests to other hosts.

    The errors are checked when the test ends, except for responses with status 502, which one test fakes.
    """
    from tests.ui.browser import TIMEOUT_MS, load

    contexts, errors = [], []

    def open_page(query: str = "", **options: object) -> Any:
        context = browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1440, "height": 1000}} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: errors.append(f"error: {error}"))
        page.on("console", lambda line: line.type == "error" and errors.append(f"console: {line.text}"))
        page.on("request", lambda r: r.url.startswith(("data:", "blob:", address)) or errors.append(r.url))
        load(page, address + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if "502" not in error] == []
