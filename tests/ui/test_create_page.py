"""The page in a browser: what a visitor does, from typing a prompt to opening a friend's link.

Needs Debian's chromium and playwright; skips, with a sentence, where they are missing.
"""

import base64
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from dalle.recipe import Recipe, load_png
from dalle.ui.page import LOOK, start
from dalle.ui.shared.tiles import EncodedPicture
from tests.sketch import Sketch

playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the page's tests need axe")
from playwright.sync_api import Browser, Locator, Page, expect  # noqa: E402

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-quic"]
GRADIO_FAULTS: dict[str, str] = {}  # rule of axe: whose fault it is
ENDPOINTS = "draw slide walk codes link open_link words surprise about restore".split()
ENDPOINTS += "look edit inpaint blend film icons replay".split()  # tested with the Edit tab
PATIENCE = 30_000  # ms until an expectation fails: machines may be busy

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="the page's tests need chromium: apt-get install chromium"
)


@pytest.fixture(scope="module")
def studio() -> Sketch:
    return Sketch()


@pytest.fixture(scope="module")
def address(studio: Sketch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(studio, tmp_path_factory.mktemp("gradio")) as address:
        yield address


@contextmanager
def serving(studio: object, folder: Path) -> Iterator[str]:
    """Where the page of a studio is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        from gradio import networking

        from dalle.ui.page import build, start

        patch.setattr(networking, "url_ok", lambda url: True)  # it gives a busy machine three seconds
        page = build(studio)
        start(page, server_name="127.0.0.1", quiet=True)
        yield page.local_url
        page.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as play:
        yield play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def visit(browser: Browser, address: str, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page as a new visitor; at the end nothing may have gone wrong or left this machine."""
    contexts, wrong = [], []

    def open_page(query: str = "", **options: object) -> Page:
        context = browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1440, "height": 1000}} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda line: line.type == "error" and wrong.append(f"console: {line.text}"))
        page.on("request", lambda r: r.url.startswith(("data:", "blob:", address)) or wrong.append(r.url))
        load(page, address + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [what for what in wrong if "502" not in what] == []  # the one that a test gives


def load(page: Page, address: str) -> None:
    """Open an address; when it is done, what the browser kept is in its place."""
    with page.expect_response(re.compile("/run/predict")):
        page.goto(address)


def draw(page: Page, prompt: str = "a red apple") -> None:
    prompt_box(page).fill(prompt)
    page.keyboard.press("Enter")
    expect(drawn(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text(prompt)


def prompt_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Prompt")


def drawn(page: Page) -> Locator:
    return page.locator("#pictures [data-index]")


def source(page: Page) -> str:
    """The open picture's file, as the address that holds it."""
    return page.get_by_role("figure").get_by_role("img").get_attribute("src")


def recipe(page: Page) -> Recipe:
    """The open picture's recipe, from its file."""
    return load_png(BytesIO(base64.b64decode(source(page).partition(",")[2])))


def expect_source(page: Page, file: str) -> None:
    expect(page.get_by_role("figure").get_by_role("img")).to_have_attribute("src", file)


def expect_other(page: Page, file: str) -> None:
    expect(page.get_by_role("figure").get_by_role("img")).not_to_have_attribute("src", file)


def slider(page: Page, name: str = "size") -> Locator:
    return page.get_by_role("slider", name=f"range slider for {name}")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


# --- drawing


def test_a_prompt_becomes_pictures_while_one_watches(visit: Callable, studio: Sketch) -> None:
    """Guards against a page that shows nothing until all is done, and pictures that share a recipe."""
    page = visit()
    expect(page.get_by_text("Nothing drawn yet")).to_be_visible()
    studio.free.clear()
    try:
        prompt_box(page).fill("a <gizmo> <apfel>")
        page.keyboard.press("Enter")
        expect(page.locator("#pictures img")).to_have_count(8)
        expect(page.get_by_role("progressbar", name="Step 1 of 2 · about 4 s left")).to_be_visible()
        expect(page.get_by_text("It has never met <gizmo> (nearest it knows: lamp)")).to_be_visible()
        expect(page.get_by_text("It reads this as a <gizmo> <apple>.")).to_be_visible()
    finally:
        studio.free.set()
    expect(page.get_by_text("Done. Choose a picture")).to_be_visible()
    expect(drawn(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text("a <gizmo> <apfel>")
    first = recipe(page)
    drawn(page).nth(3).click()
    expect(page.get_by_role("figure")).to_contain_text(f"#{(first.seed + 3) % 2**32}")
    assert recipe(page).seed == (first.seed + 3) % 2**32


def test_stop_stops(visit: Callable, studio: Sketch) -> None:
    """Guards against a Stop that waits for the end, and a page that cannot draw after it."""
    page = visit()
    studio.free.clear()
    try:
        prompt_box(page).fill("a dog")
        page.keyboard.press("Enter")
        expect(page.locator("#pictures img")).to_have_count(8)
        press(page, "Stop")
        expect(page.get_by_text("Stopped.")).to_be_visible()
        expect(page.get_by_text("Nothing drawn yet")).to_be_visible()
    finally:
        studio.free.set()
    draw(page)


def test_a_full_queue_says_so(visit: Callable, studio: Sketch) -> None:
    """Guards against a page that hangs, or shows a traceback, when too many draw."""
    page = visit()
    draw(page)
    studio.full = True
    try:
        press(page, "Nudge")
        expect(page.locator("#bench").get_by_role("alert")).to_contain_text("Too many are waiting")
        press(page, "Draw")
        expect(page.locator("#status").get_by_role("alert")).to_contain_text("Too many are waiting")
    finally:
        studio.full = False
    draw(page, "a cat")


def test_an_idle_queue_lets_the_cores_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a Gradio that calls its pause otherwise, and then polls a thousand times a second."""
    page = gr.Blocks()
    assert 0 < page._queue.sleep_when_free < LOOK  # Gradio's own, by this name
    monkeypatch.setattr(page, "launch", lambda **options: None)
    start(page)
    assert page._queue.sleep_when_free == LOOK


def test_examples_and_surprise_draw_at_once(visit: Callable) -> None:
    page = visit()
    press(page, "an owl, noto style")
    expect(page.get_by_role("figure")).to_contain_text("an owl, noto style")
    press(page, "Surprise me")
    expect(prompt_box(page)).to_have_value(re.compile("a surprise"))
    expect(page.get_by_role("figure")).to_contain_text("a surprise")


# --- sliders


def test_the_picture_follows_a_slider_and_finds_its_way_back(visit: Callable, studio: Sketch) -> None:
    """Guards against sliders that move another number, and against an Undo that is not exact."""
    page = visit()
    draw(page)
    before, file = recipe(page), source(page)
    studio.slid.clear()
    for step in range(12):  # faster than pictures come
        slider(page).evaluate(
            """(range, value) => {
                range.value = value;
                range.dispatchEvent(new Event("input", { bubbles: true }));
            }""",
            f"{step / 4 - 1:.2f}",
        )
    code = list(studio.codes(before))
    code[3] = 1.75
    last = Recipe.from_dict(before.to_dict() | {"code": code})
    expect_source(page, EncodedPicture.of(studio.draw([last])[0]).uri)
    assert len(studio.slid) <= 12 and studio.slid[-1] == last
    press(page, "Undo")
    expect_source(page, file)
    assert recipe(page) == before


def test_nudge_resample_reset(visit: Callable) -> None:
    page = visit()
    draw(page)
    before, file = recipe(page), source(page)
    for name in ("Nudge", "Resample"):
        now = source(page)
        press(page, name)
        expect_other(page, now)
    assert recipe(page).seed != before.seed
    press(page, "Reset")
    expect_source(page, file)
    for _ in range(3):
        press(page, "Undo")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect_source(page, file)


def test_a_walk_shows_what_sliders_do_and_can_be_followed(visit: Callable) -> None:
    page = visit()
    draw(page)
    press(page, "See what the sliders do ▼")
    press(page, "Show")
    cells = page.locator("#cells [data-index]")
    expect(cells).to_have_count(7)
    now = source(page)
    cells.nth(6).click()
    expect_other(page, now)
    assert recipe(page).code[3] == 3.0
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
    made, file = recipe(page), source(page)
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.suggested_filename == f"a-red-apple-{made.seed}.png"
    saved = tmp_path / "picture.png"
    download.value.save_as(saved)
    assert load_png(saved) == made and made.code is not None

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
    expect_source(page, file)
    expect(prompt_box(page)).to_have_value("a red apple")
    press(page, "Settings ▼")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value(str(made.seed))
    expect(page.get_by_label("A new seed every time")).not_to_be_checked()


@pytest.mark.parametrize("content", [b"no picture at all", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_file_that_is_no_picture_of_ours_is_refused(visit: Callable, content: bytes) -> None:
    page = visit()
    upload = {"name": "x.png", "mimeType": "image/png", "buffer": content}
    page.locator("input[type=file]").set_input_files(upload)
    expect(page.get_by_test_id("toast-text")).to_contain_text("This file cannot be restored: the ")


def test_all_pictures_come_as_one_zip(visit: Callable, tmp_path: Path) -> None:
    page = visit()
    draw(page)
    with page.expect_download() as download:
        press(page, "All as a zip")
    assert re.fullmatch(r"a-red-apple-\d+\.zip", download.value.suggested_filename)
    with zipfile.ZipFile(download.value.path()) as archive:
        recipes = [load_png(archive.read(name)) for name in archive.namelist()]
    assert [r.seed - recipes[0].seed for r in recipes] == list(range(8))


def test_a_reload_keeps_settings_history_and_the_open_picture(visit: Callable) -> None:
    """Guards against losing what was made by a slip of the hand."""
    page = visit()
    draw(page)
    file = source(page)
    slider(page).press("ArrowRight")
    expect_other(page, file)
    press(page, "Keep")
    thumbs = page.locator("#history [data-index]")
    expect(thumbs).to_have_count(9)
    kept, made = source(page), recipe(page)
    page.get_by_text("Noto", exact=True).click()
    prompt_box(page).fill("")
    prompt_box(page).press_sequentially("not drawn yet")  # Gradio does not tell of what fill puts in
    expect(page).to_have_url(re.compile("code="))

    load(page, page.url)
    expect_source(page, kept)
    expect(prompt_box(page)).to_have_value("not drawn yet")
    expect(page.get_by_role("radio", name="Noto", exact=True)).to_be_checked()
    expect(thumbs).to_have_count(9)
    thumbs.nth(1).click()
    expect_source(page, file)
    expect(prompt_box(page)).to_have_value("a red apple")
    assert recipe(page).seed == made.seed
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Clear")
    expect(thumbs).to_have_count(0)


# --- links


def test_a_link_opens_the_same_picture_elsewhere(visit: Callable) -> None:
    """Guards against a link that needs this browser or this server's memory."""
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    draw(page)
    slider(page).press("ArrowRight")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    press(page, "Copy link")
    link = page.evaluate("navigator.clipboard.readText()")
    friend = visit("?" + link.partition("?")[2], locale="zh-CN")
    expect_source(friend, source(page))
    expect(friend.get_by_role("textbox", name="描述")).to_have_value("a red apple")


def test_links_that_cannot_be_followed_say_why(visit: Callable) -> None:
    """Guards against a link that is followed before the page knows the visitor's language."""
    page = visit("?prompt=a+fox&seed=3&checkpoint=fedcba987654")
    note = page.get_by_test_id("toast-text")
    expect(note).to_contain_text("made with checkpoint fedcba987654; here 0123456789ab draws")
    expect(page.get_by_role("figure")).to_contain_text("a fox")
    page = visit("?prompt=a&seed=-1")
    note = page.get_by_test_id("toast-text")
    expect(note).to_contain_text("This link cannot be opened: seed must be a whole number")
    page = visit("?prompt=a&seed=-1", locale="zh-CN")
    expect(page.get_by_test_id("toast-text")).to_contain_text("无法打开此链接")
    page = visit(f"?prompt={'<img src=x onerror=alert(1)>' * 40}")
    expect(page.get_by_test_id("toast-text")).to_contain_text("prompt has 1,120 characters")
    page = visit("?prompt=" + quote('<img src=x onerror="document.title=1">{{value}}`${1}'))
    expect(page.get_by_role("figure")).to_contain_text("{{value}}`${1}")
    expect(page).to_have_title("A small DALL·E")


# --- look


def test_language_and_theme(visit: Callable) -> None:
    """Guards against words that stay in the other language, and a choice that a reload forgets."""
    page = visit()
    draw(page)
    page.get_by_text("中文").click()
    expect(page.get_by_role("button", name="撤销")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_title("小小 DALL·E")
    expect(page.get_by_role("slider", name="range slider for 大小")).to_be_visible()
    press(page, "画")
    expect(page.get_by_text("画好了。")).to_be_visible()
    left = page.get_by_role("tabpanel").evaluate("panel => panel.innerText")
    english = set(re.findall(r"[A-Za-z]{3,}", left))
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
def test_it_fits_and_axe_finds_nothing(visit: Callable, width: int, theme: str) -> None:
    """Guards against a page that scrolls sideways, and against what assistive programs cannot read."""
    page = visit(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    draw(page)
    press(page, "Settings ▼")
    expect(page.get_by_role("spinbutton", name="Seed")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page).response["violations"]
    ours = {v["id"]: [node["html"] for node in v["nodes"]] for v in found if v["id"] not in GRADIO_FAULTS}
    assert ours == {}


def test_the_keyboard_is_enough(visit: Callable) -> None:
    """Guards against pictures and sliders that only a mouse can reach."""
    page = visit()
    draw(page)
    file = source(page)
    drawn(page).nth(1).focus()
    page.keyboard.press("Enter")
    expect_other(page, file)
    file = source(page)
    slider(page).focus()
    page.keyboard.press("ArrowLeft")
    expect_other(page, file)
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Space")
    expect_source(page, file)


def test_a_server_that_is_gone_is_noticed(visit: Callable) -> None:
    page = visit()
    page.clock.install()
    page.route("**/app_id", lambda route: route.fulfill(status=502))
    page.clock.run_for(6_000)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.unroute("**/app_id")
    page.clock.run_for(6_000)
    expect(page.get_by_text("The server does not answer.")).to_be_hidden()


# --- programs


def test_every_action_has_an_endpoint(address: str, studio: Sketch, tmp_path: Path) -> None:
    """Guards against endpoints that drift from what the page does."""
    client = Client(address, verbose=False, download_files=tmp_path)

    def call(name: str, *values: object, **named: object) -> object:
        return client.predict(*values, **named, api_name=f"/{name}")

    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {f"/{name}" for name in ENDPOINTS}
    files = call("draw", "a red apple", count=2, seed=7, style="noto")
    recipes = [load_png(file) for file in files]
    assert recipes == [studio.recipe(prompt="a red apple, noto style", seed=seed) for seed in (7, 8)]
    assert Recipe.from_dict(call("restore", handle_file(files[0]))) == recipes[0]
    values = recipes[0].to_dict()
    assert tuple(call("codes", values)) == studio.codes(recipes[0])
    assert load_png(call("slide", values, [0.5] * 20)).code == (0.5,) * 20
    assert len(call("walk", values, 3)) == 7
    link = call("link", values)
    assert link == recipes[0].to_query() and call("open_link", link) == values
    assert call("words", "a <gizmo>") == {"read": "a <gizmo>", "unknown": {"<gizmo>": "lamp"}, "unread": ""}
    assert call("surprise", seed=3) == studio.surprise(3)
    assert call("about")["sliders"][0]["index"] == 3
    with pytest.raises(AppError, match="count must be from 1 to 16; got 99"):
        call("draw", "a red apple", count=99)
    with pytest.raises(AppError, match="the recipe has unknown fields"):
        call("slide", {"hat": 1}, [0.0] * 20)
