"""The page as a whole, in a browser: language, theme, layout, accessibility, and a server that goes away."""

import re
from collections.abc import Callable, Iterator

import gradio as gr
import pytest

from dalle.ui.page import QUEUE_POLL_SECONDS, preferred_language, start
from tests.fake_studio import FakeStudio
from tests.ui.browser import (
    axe_violations,
    draw,
    expect,
    expect_other_picture,
    expect_picture,
    gallery,
    load,
    open_picture_url,
    press,
    slider,
)
from tests.ui.serve import serving


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(FakeStudio(), tmp_path_factory.mktemp("gradio")) as address:
        yield address


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de-DE, zh;q=0.5", "zh"), ("fr", "en"), (";;,,", "en")],
)
def test_the_browser_names_its_language(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_an_idle_queue_lets_the_cores_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a Gradio that renames its pause, and then polls a thousand times a second."""
    page = gr.Blocks()
    assert 0 < page._queue.sleep_when_free < QUEUE_POLL_SECONDS  # Gradio's own, by this name
    monkeypatch.setattr(page, "launch", lambda **options: None)
    start(page)
    assert page._queue.sleep_when_free == QUEUE_POLL_SECONDS


def test_language_and_theme(visit: Callable) -> None:
    """Guards against texts that stay in the other language, and a choice that a reload forgets."""
    page = visit()
    draw(page)
    page.get_by_text("中文").click()
    expect(page.get_by_role("button", name="撤销")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title("小小 DALL·E")
    expect(page.get_by_role("slider", name="range slider for 大小")).to_be_visible()
    press(page, "画")
    expect(page.get_by_text("画好了。")).to_be_visible()
    text = page.get_by_role("tabpanel").evaluate("panel => panel.innerText")
    english = set(re.findall(r"[A-Za-z]{3,}", text))
    assert english <= set("Noto Twemoji Fluent Firefox EmojiOne PNG zip red apple three blue".split()) | set(
        "butterflies robot yellow background".split()
    )
    expect(page.locator("body")).not_to_have_class(re.compile("dark"))
    press(page, "浅色或深色")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    load(page, page.url.partition("?")[0])
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    expect(page.get_by_role("heading", name="小小 DALL·E")).to_be_visible()


def test_a_browser_in_chinese_gets_chinese(visit: Callable) -> None:
    page = visit(locale="zh-CN")
    expect(page.get_by_role("heading", name="小小 DALL·E")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_fits_and_axe_finds_nothing(visit: Callable, width: int, theme: str) -> None:
    """Guards against a page that scrolls sideways, and against what assistive programs cannot read."""
    page = visit(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    draw(page)
    press(page, "Settings ▼")
    expect(page.get_by_role("spinbutton", name="Seed")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe_violations(page) == []


def test_the_keyboard_is_enough(visit: Callable) -> None:
    """Guards against pictures and sliders that only a mouse can reach."""
    page = visit()
    draw(page)
    url = open_picture_url(page)
    gallery(page).nth(1).focus()
    page.keyboard.press("Enter")
    expect_other_picture(page, url)
    url = open_picture_url(page)
    slider(page).focus()
    page.keyboard.press("ArrowLeft")
    expect_other_picture(page, url)
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Space")
    expect_picture(page, url)


def test_a_server_that_is_gone_is_noticed(visit: Callable) -> None:
    page = visit()
    page.clock.install()
    page.route("**/app_id", lambda route: route.fulfill(status=502))
    page.clock.run_for(6_000)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.unroute("**/app_id")
    page.clock.run_for(6_000)
    expect(page.get_by_text("The server does not answer.")).to_be_hidden()
