"""The Create tab in a browser: what a visitor does, from typing a prompt to opening a link."""

import base64
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from dalle.recipe import Recipe, load_png
from dalle.ui.shared.tiles import EncodedPicture
from tests.fake_studio import FakeStudio
from tests.ui.browser import (
    axe_violations,
    draw,
    expect,
    expect_other_picture,
    expect_picture,
    gallery,
    load,
    open_picture_recipe,
    open_picture_url,
    press,
    prompt_box,
    slider,
)
from tests.ui.serve import serving


@pytest.fixture(scope="module")
def studio() -> FakeStudio:
    return FakeStudio()


@pytest.fixture(scope="module")
def address(studio: FakeStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(studio, tmp_path_factory.mktemp("gradio")) as address:
        yield address


# --- drawing


def test_a_prompt_becomes_pictures_with_previews(visit: Callable, studio: FakeStudio) -> None:
    """Guards against a page that shows nothing until all is done, and pictures that share a recipe."""
    page = visit()
    expect(page.get_by_text("Nothing drawn yet")).to_be_visible()
    studio.may_finish.clear()
    try:
        prompt_box(page).fill("a <gizmo> <apfel>")
        page.keyboard.press("Enter")
        expect(page.locator("#pictures img")).to_have_count(8)
        expect(page.get_by_role("progressbar", name="Step 1 of 2 · about 4 s left")).to_be_visible()
        expect(page.get_by_text("It has never seen <gizmo>.")).to_be_visible()
        expect(page.get_by_text("It reads this as a <gizmo> <apple>.")).to_be_visible()
    finally:
        studio.may_finish.set()
    expect(page.get_by_text("Done. Choose a picture")).to_be_visible()
    expect(gallery(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text("a <gizmo> <apfel>")
    first = open_picture_recipe(page)
    gallery(page).nth(3).click()
    expect(page.get_by_role("figure")).to_contain_text(f"#{(first.seed + 3) % 2**32}")
    assert open_picture_recipe(page).seed == (first.seed + 3) % 2**32


def test_a_prompt_is_read_while_it_is_typed(visit: Callable, studio: FakeStudio) -> None:
    """Guards against notes on half a word, in another language than the page's, or on an earlier prompt."""
    page = visit()
    notice = page.locator("#notice")
    expect(notice).to_be_hidden()
    prompt_box(page).press_sequentially("please a crimson bar, no hat", delay=20)
    expect(notice).to_contain_text("It reads this as a red bar,.")
    expect(notice.locator("mark")).to_have_text("red")
    expect(notice).to_contain_text("It leaves out please.")
    expect(notice).to_contain_text("Not to be in the picture: a hat.")
    assert axe_violations(page) == []
    page.get_by_text("中文").click()
    expect(notice).to_contain_text("它把这句话读作")
    page.get_by_text("EN", exact=True).click()
    notice.get_by_role("group", name="Or did you mean").get_by_role("button", name="a <cup>").click()
    expect(prompt_box(page)).to_have_value("a <cup>")
    expect(prompt_box(page)).to_be_focused()
    expect(notice).to_be_hidden()


def test_stop_stops(visit: Callable, studio: FakeStudio) -> None:
    """Guards against a Stop that waits for the end, and a page that cannot draw after it."""
    page = visit()
    studio.may_finish.clear()
    try:
        prompt_box(page).fill("a dog")
        page.keyboard.press("Enter")
        expect(page.locator("#pictures img")).to_have_count(8)
        press(page, "Stop")
        expect(page.get_by_text("Stopped.")).to_be_visible()
        expect(page.get_by_text("Nothing drawn yet")).to_be_visible()
    finally:
        studio.may_finish.set()
    draw(page)


def test_a_full_queue_is_reported(visit: Callable, studio: FakeStudio) -> None:
    """Guards against a page that hangs, or shows a traceback, when too many draw."""
    page = visit()
    draw(page)
    studio.queue_is_full = True
    try:
        press(page, "Nudge")
        expect(page.locator("#bench").get_by_role("alert")).to_contain_text("Too many are waiting")
        press(page, "Draw")
        expect(page.locator("#status").get_by_role("alert")).to_contain_text("Too many are waiting")
    finally:
        studio.queue_is_full = False
    draw(page, "a cat")


def test_examples_and_surprise_draw_at_once(visit: Callable) -> None:
    page = visit()
    press(page, "an owl, noto style")
    expect(page.get_by_role("figure")).to_contain_text("an owl, noto style")
    press(page, "Surprise me")
    expect(prompt_box(page)).to_have_value(re.compile("a surprise"))
    expect(page.get_by_role("figure")).to_contain_text("a surprise")


# --- sliders


def test_the_picture_follows_a_slider_and_undo_is_exact(visit: Callable, studio: FakeStudio) -> None:
    """Guards against sliders that move another number, and against an Undo that is not exact."""
    page = visit()
    draw(page)
    before, url = open_picture_recipe(page), open_picture_url(page)
    studio.drawn_now.clear()
    for step in range(12):  # faster than pictures are drawn
        slider(page).evaluate(
            """(range, value) => {
                range.value = value;
                range.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            f"{step / 4 - 1:.2f}",
        )
    code = list(studio.code_of_recipe(before))
    code[3] = 1.75
    last = Recipe.from_dict(before.to_dict() | {"code": code})
    expect_picture(page, EncodedPicture.encode(studio.draw([last])[0]).data_url)
    assert len(studio.drawn_now) <= 12 and studio.drawn_now[-1] == last
    press(page, "Undo")
    expect_picture(page, url)
    assert open_picture_recipe(page) == before


def test_a_double_click_sets_a_slider_back(visit: Callable) -> None:
    """Guards against a reset of all sliders, or of the slider but not of the picture."""
    page = visit()
    draw(page)
    before, url = open_picture_recipe(page), open_picture_url(page)
    position = slider(page).input_value()
    slider(page).fill("2.5")
    expect_other_picture(page, url)
    slider(page).dblclick()
    expect(slider(page)).to_have_value(position)
    expect(page.get_by_role("figure").get_by_role("img")).not_to_have_attribute("src", url)
    home = {"code": [float(f"{number:.2f}") for number in open_picture_recipe(page).code]}
    assert home["code"][3] == float(position)
    assert open_picture_recipe(page).seed == before.seed


def test_further_sliders_show_what_their_ends_draw(visit: Callable) -> None:
    """Guards against sliders without a name that say nothing of what they do."""
    page = visit()
    draw(page)
    more = page.get_by_role("button", name="More sliders")
    more.click()
    last = page.locator("#slider-19")
    ends = last.locator(".min_value, .max_value")
    expect(ends).to_have_count(2)
    for end in ends.all():
        page.wait_for_function(
            "(end) => getComputedStyle(end, '::after').backgroundImage.startsWith('url')",
            arg=end.element_handle(),
        )
    more.click()
    page.wait_for_function(
        "(end) => getComputedStyle(end, '::after').backgroundImage === 'none'",
        arg=ends.first.element_handle(),
    )


def test_nudge_resample_reset(visit: Callable) -> None:
    """Guards against a reset or an Undo that leads to another picture, and an Undo that never ends."""
    page = visit()
    draw(page)
    before, urls = open_picture_recipe(page), [open_picture_url(page)]
    for name in ("Nudge", "Resample"):
        press(page, name)
        expect_other_picture(page, urls[-1])
        urls.append(open_picture_url(page))
    assert open_picture_recipe(page).seed != before.seed
    press(page, "Reset")
    expect_picture(page, urls[0])
    for url in reversed(urls):
        press(page, "Undo")  # ignored while the last one is running, so wait for its picture
        expect_picture(page, url)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_traversal_shows_what_sliders_do_and_its_pictures_open(visit: Callable) -> None:
    page = visit()
    draw(page)
    press(page, "See what the sliders do ▼")
    press(page, "Show")
    cells = page.locator("#cells [data-index]")
    expect(cells).to_have_count(7)
    url = open_picture_url(page)
    cells.nth(6).click()
    expect_other_picture(page, url)
    assert open_picture_recipe(page).code[3] == 3.0
    expect(slider(page)).to_have_value("3")
    page.get_by_label("Down").click()
    page.get_by_role("option", name="latent 2", exact=True).click()
    press(page, "Show")
    expect(cells).to_have_count(25)


# --- nothing is lost


def test_a_downloaded_picture_restores_everything(visit: Callable, tmp_path: Path) -> None:
    """Guards against files without a recipe, and a restore that forgets sliders or settings."""
    page = visit()
    draw(page)
    slider(page).press("ArrowRight")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    recipe, url = open_picture_recipe(page), open_picture_url(page)
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.suggested_filename == f"a-red-apple-{recipe.seed}.png"
    saved = tmp_path / "picture.png"
    download.value.save_as(saved)
    assert load_png(saved) == recipe and recipe.code is not None

    draw(page, "a dog")
    content = base64.b64encode(saved.read_bytes()).decode()
    page.evaluate(  # dropped anywhere on the page
        """async (content) => {
            const bytes = await (await fetch(`data:image/png;base64,${content}`)).arrayBuffer();
            const files = new DataTransfer();
            files.items.add(new File([bytes], "picture.png", { type: "image/png" }));
            document.querySelector("h1").dispatchEvent(
                new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    expect(page.get_by_text("Restored: prompt, settings and picture.")).to_be_visible()
    expect_picture(page, url)
    expect(prompt_box(page)).to_have_value("a red apple")
    press(page, "Settings ▼")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value(str(recipe.seed))
    expect(page.get_by_label("A new seed every time")).not_to_be_checked()


@pytest.mark.parametrize("content", [b"no picture at all", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_file_that_is_no_picture_is_refused(visit: Callable, content: bytes) -> None:
    page = visit()
    upload = {"name": "x.png", "mimeType": "image/png", "buffer": content}
    page.locator("input[type=file]").set_input_files(upload)
    expect(page.get_by_test_id("toast-text")).to_contain_text("This file cannot be restored: the ")


def test_all_pictures_come_as_one_zip(visit: Callable) -> None:
    page = visit()
    draw(page)
    with page.expect_download() as download:
        press(page, "All as a zip")
    assert re.fullmatch(r"a-red-apple-\d+\.zip", download.value.suggested_filename)
    with zipfile.ZipFile(download.value.path()) as archive:
        recipes = [load_png(archive.read(name)) for name in archive.namelist()]
    assert [recipe.seed - recipes[0].seed for recipe in recipes] == list(range(8))


def test_a_reload_keeps_settings_history_and_the_open_picture(visit: Callable) -> None:
    """Guards against losing work by an accidental reload."""
    page = visit()
    draw(page)
    url = open_picture_url(page)
    slider(page).press("ArrowRight")
    expect_other_picture(page, url)
    press(page, "Keep")
    thumbnails = page.locator("#history [data-index]")
    expect(thumbnails).to_have_count(9)
    kept_url, recipe = open_picture_url(page), open_picture_recipe(page)
    page.get_by_text("Noto", exact=True).click()
    prompt_box(page).fill("")
    prompt_box(page).press_sequentially("not drawn yet")  # Gradio gets no input event from `fill`
    expect(page).to_have_url(re.compile("code="))

    load(page, page.url)
    expect_picture(page, kept_url)
    expect(prompt_box(page)).to_have_value("not drawn yet")
    expect(page.get_by_role("radio", name="Noto", exact=True)).to_be_checked()
    expect(thumbnails).to_have_count(9)
    thumbnails.nth(1).click()
    expect_picture(page, url)
    expect(prompt_box(page)).to_have_value("a red apple")
    assert open_picture_recipe(page).seed == recipe.seed
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Clear")
    expect(thumbnails).to_have_count(0)


# --- links


def test_a_link_opens_the_same_picture_elsewhere(visit: Callable) -> None:
    """Guards against a link that needs this browser or this server's memory."""
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    draw(page)
    slider(page).press("ArrowRight")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    press(page, "Copy link")
    link = page.evaluate("navigator.clipboard.readText()")
    other_visitor = visit("?" + link.partition("?")[2], locale="zh-CN")
    expect_picture(other_visitor, open_picture_url(page))
    expect(other_visitor.get_by_role("textbox", name="描述")).to_have_value("a red apple")


def test_links_that_cannot_be_opened_say_why(visit: Callable) -> None:
    """Guards against a link that is opened before the page knows the visitor's language."""
    page = visit("?prompt=a+fox&seed=3&checkpoint=fedcba987654")
    toast = page.get_by_test_id("toast-text")
    expect(toast).to_contain_text("made with checkpoint fedcba987654; here 0123456789ab draws")
    expect(page.get_by_role("figure")).to_contain_text("a fox")
    page = visit("?prompt=a&seed=-1")
    toast = page.get_by_test_id("toast-text")
    expect(toast).to_contain_text("This link cannot be opened: seed must be a whole number")
    page = visit("?prompt=a&seed=-1", locale="zh-CN")
    expect(page.get_by_test_id("toast-text")).to_contain_text("无法打开此链接")
    page = visit(f"?prompt={'<img src=x onerror=alert(1)>' * 40}")
    expect(page.get_by_test_id("toast-text")).to_contain_text("prompt has 1,120 characters")
    page = visit("?prompt=" + quote('<img src=x onerror="document.title=1">{{value}}`${1}'))
    expect(page.get_by_role("figure")).to_contain_text("{{value}}`${1}")
    expect(page).to_have_title("A small DALL·E")
