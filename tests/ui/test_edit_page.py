"""The Edit tab in a browser: every tool, every way in, every kind of file; on networks that draw at once."""

import base64
import io
import re
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from dalle import edits, images, runtime
from dalle.editing import animation
from dalle.networks.upscaler import Upscaler
from dalle.recipe import load_png, save_png
from dalle.serving.studio import Studio
from tests.tiny import tiny_checkpoint
from tests.ui.browser import axe_violations, expect, gallery, press, prompt_box
from tests.ui.serve import serving

SIZE = 32
FFMPEG_TIMEOUT = 60  # seconds until a test that hangs fails


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "inference_dtype", lambda: torch.float32)
        patch.setattr(runtime, "device", lambda: torch.device("cpu"))
        folder = tiny_checkpoint(tmp_path_factory.mktemp("edit") / "tiny")
        Upscaler(16, 2).save(folder)
        with Studio(folder) as studio:
            yield studio


@pytest.fixture(scope="module")
def address(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(studio, tmp_path_factory.mktemp("gradio")) as address:
        yield address


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Two colours and a thing between, on white."""
    picture = Image.new("RGB", size, "white")
    picture.paste((200, 30, 40), (size[0] // 4, size[1] // 4, size[0] // 2 + 1, size[1] // 2 + 1))
    return picture


def upload(page, content: bytes, place: str = "#edit-open", name: str = "photo.png") -> None:
    inputs = page.locator(place).locator("xpath=..").locator("input[type=file]")
    inputs.set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def open_photo(page, content: bytes | None = None) -> None:
    page.get_by_role("tab", name="Edit").click()
    upload(page, content or file_of(photo()))
    expect(page.locator("#pair img")).to_have_count(2)


def choose(page, tool: str) -> None:
    page.locator("#tools").get_by_text(tool, exact=True).click()


def make(page) -> None:
    """Press "Make it", and wait until the edit is done."""
    status = page.locator("#edit-status")
    status.locator("p").evaluate_all("texts => texts.forEach((text) => text.remove())")  # of the last edit
    press(page, "Make it")
    expect(status).to_contain_text("Done.")


def results(page):
    return page.locator("#results [data-index]")


def download(page, button: str) -> bytes:
    with page.expect_download() as got:
        press(page, button)
    return Path(got.value.path()).read_bytes()


# --- ways in


def test_a_drawn_picture_is_edited_and_its_link_makes_it_again(visit: Callable, studio: Studio) -> None:
    """Guards against edits that a link forgets, and a link that needs this browser's memory."""
    page = visit()
    expect(page.get_by_text("No picture yet")).to_be_hidden()
    prompt_box(page).fill("a red apple")
    page.keyboard.press("Enter")
    expect(gallery(page)).to_have_count(8)
    expect(page.locator("#picture figure")).to_be_visible()
    made = load_png(base64.b64decode(page.locator("#picture img").get_attribute("src").partition(",")[2]))
    page.locator("#bench").get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#pair img")).to_have_count(2)
    expect(page.get_by_label("It shows")).to_have_value("a red apple")
    make(page)
    expect(results(page)).to_have_count(4)
    results(page).nth(2).click()
    saved = load_png(download(page, "Download"))
    assert saved.seed == made.seed and [edit["kind"] for edit in saved.edits] == ["vary"]
    friend = visit("?" + saved.to_query())
    expect(friend.locator("#pair img")).to_have_count(2)
    source = friend.locator("#pair img").first.get_attribute("src")
    again = images.read(base64.b64decode(source.partition(",")[2]))
    *_, last = studio.replay(saved)
    assert again.tobytes() == last.pictures[0].image.tobytes()


def test_what_was_edited_is_in_the_history(visit: Callable) -> None:
    """Guards against results that a reload loses, and a history that opens them as they were before."""
    page = visit()
    prompt_box(page).fill("a red apple")
    page.keyboard.press("Enter")
    expect(gallery(page)).to_have_count(8)
    expect(page.locator("#picture figure")).to_be_visible()
    page.locator("#bench").get_by_role("button", name="Edit", exact=True).click()
    make(page)
    thumbs = page.locator("#history [data-index]")
    expect(thumbs).to_have_count(12)
    saved = load_png(download(page, "Download"))
    page.reload()
    expect(thumbs).to_have_count(12)
    thumbs.first.click()
    expect(page.get_by_role("tab", name="Edit")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#pair img")).to_have_count(2)
    make(page)
    assert load_png(download(page, "Download")).edits[:1] == saved.edits


def test_a_link_to_an_edited_file_names_it_and_takes_it(visit: Callable) -> None:
    """Guards against a link that shows another picture, or nothing, where only its owner has the file."""
    content = file_of(photo())
    page = visit()
    open_photo(page, content)
    make(page)
    saved = load_png(download(page, "Download"))
    friend = visit("?" + saved.to_query())
    alert = friend.locator("#edit-trouble").get_by_role("alert")
    expect(alert).to_contain_text(images.digest(content))
    upload(friend, content)
    expect(friend.locator("#pair img")).to_have_count(2)
    press(friend, "Make it")
    expect(friend.locator("#edit-status")).to_contain_text("Done.")
    kinds = [edit["kind"] for edit in load_png(download(friend, "Download")).edits]
    assert kinds == ["open", "vary", "vary"]


def test_a_picture_is_pasted_and_dropped(visit: Callable) -> None:
    """Guards against files that go to the tab which is not in view."""
    page = visit()
    page.get_by_role("tab", name="Edit").click()
    expect(page.get_by_text("No picture yet")).to_be_visible()
    for kind in ("paste", "drop"):
        page.evaluate(
            """async ([content, kind]) => {
                const bytes = await (await fetch(`data:image/png;base64,${content}`)).arrayBuffer();
                const files = new DataTransfer();
                files.items.add(new File([bytes], "picture.png", { type: "image/png" }));
                const event = kind === "paste"
                    ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true })
                    : new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
                document.querySelector("h1").dispatchEvent(event);
            }""",
            [base64.b64encode(file_of(photo((30 if kind == "paste" else 32, 32)))).decode(), kind],
        )
        expect(page.locator("#pair img")).to_have_count(2)
        before = page.locator("#pair img").first.get_attribute("src")
    assert before


def test_an_edited_file_is_opened_from_create(visit: Callable, studio: Studio) -> None:
    """Guards against a PNG with edits that Create refuses, or shows without them."""
    picture = studio.draw_now(studio.recipe(prompt="a dog", seed=4))
    *_, last = studio.edit(picture, [edits.Variation(0.5, 3)])
    file = io.BytesIO()
    save_png(last.pictures[0], file)
    page = visit()
    upload(page, file.getvalue(), "#drop")
    expect(page.locator("#pair img")).to_have_count(2)
    expect(page.get_by_label("It shows")).to_have_value("a dog")


# --- tools


def test_every_tool_makes_something(visit: Callable) -> None:
    """Guards against a tool whose controls do not reach it."""
    page = visit()
    open_photo(page)
    shows = page.get_by_label("It shows")
    shows.fill("")
    shows.press_sequentially("a dog")
    choose(page, "Change the words")
    page.get_by_label("What the picture shows then").fill("a red apple")
    make(page)
    expect(results(page)).to_have_count(4)
    saved = load_png(download(page, "Download"))
    assert saved.prompt == "a dog" and edits.current_prompt(saved) == "a red apple"

    choose(page, "Style")
    make(page)
    expect(results(page)).to_have_count(7)
    page.locator("#tool-look").get_by_text("Another picture's").click()
    upload(page, file_of(photo((20, 60))), "#edit-other")
    expect(page.locator("#other-shown img")).to_have_count(1)
    make(page)
    assert "code" in load_png(download(page, "Download")).edits[-1]

    choose(page, "Extend")
    page.locator("#tool-side").get_by_text("Left", exact=True).click()
    make(page)
    assert load_png(download(page, "Download")).edits[-1]["left"] == 0.3

    choose(page, "Blend")
    make(page)
    expect(results(page)).to_have_count(7)
    for button, kind in (("Animation (GIF)", "GIF"), ("Animation (WebP)", "WEBP")):
        with Image.open(io.BytesIO(download(page, button))) as shown:
            assert (shown.format, shown.n_frames) == (kind, 12)
    expect(page.get_by_role("button", name="Video (MP4)")).to_be_visible(
        visible="mp4" in animation.available_formats()
    )

    choose(page, "Enlarge")
    make(page)
    assert images.read(download(page, "Download")).size == (160, 120)

    choose(page, "Cut out")
    make(page)
    with zipfile.ZipFile(io.BytesIO(download(page, "Icons (zip)"))) as archive:
        icon = images.read(archive.read("icon-64.png"), alpha=True)
        assert "favicon.ico" in archive.namelist() and icon.getpixel((1, 32))[3] == 0
    press(page, "Go on from this")
    expect(page.get_by_text("Nothing changed yet")).to_be_visible()
    choose(page, "Variations")
    make(page)
    kinds = [edit["kind"] for edit in load_png(download(page, "Download")).edits]
    assert kinds == ["open", "cut-out", "vary"]


def test_a_mistake_leaves_the_results(visit: Callable) -> None:
    """Guards against results that are gone because the next edit could not be made."""
    page = visit()
    open_photo(page)
    make(page)
    expect(results(page)).to_have_count(4)
    before = download(page, "Download")
    thumbs = page.locator("#history [data-index]")
    expect(thumbs).to_have_count(4)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("tab", name="Create").click()
    press(page, "Clear")
    expect(thumbs).to_have_count(0)
    page.get_by_role("tab", name="Edit").click()
    choose(page, "Paint over")
    page.locator("#edit-start").click()
    expect(page.locator("#edit-status")).to_contain_text("the mask is empty")
    expect(results(page)).to_have_count(4)
    assert download(page, "Download") == before
    choose(page, "Variations")
    make(page)
    expect(thumbs).to_have_count(4)


def test_what_is_painted_over_changes_and_nothing_else(visit: Callable) -> None:
    """Guards against a mask that is lost, shifted or turned between the browser and the networks."""
    page = visit()
    open_photo(page, file_of(photo((SIZE, SIZE))))
    choose(page, "Paint over")
    press(page, "Make it")
    alert = page.locator("#edit-status").get_by_role("alert")
    expect(alert).to_contain_text("the mask is empty")
    canvas = page.locator("#board canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.2, steps=3)
    page.mouse.up()
    make(page)
    content = download(page, "Download")
    mask = edits.unpack_mask(load_png(content).edits[-1]["mask"], SIZE)
    rows, columns = np.nonzero(mask)
    assert rows.mean() == pytest.approx(0.2 * SIZE, abs=2) and columns.mean() > 0.75 * SIZE
    changed = (np.asarray(images.read(content)) != np.asarray(photo((SIZE, SIZE)))).any(-1)
    assert changed.any() and not (changed & ~mask).any()
    press(page, "Clear")
    press(page, "Make it")
    expect(alert).to_contain_text("the mask is empty")
    canvas.focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "Space"):
        page.keyboard.press(key)
    make(page)


def test_sliders_bend_the_picture(visit: Callable) -> None:
    """Guards against sliders that stand elsewhere than the picture's own code, or move another number."""
    page = visit()
    open_photo(page)
    choose(page, "Sliders")
    expect(page.get_by_role("button", name="Make it")).to_be_hidden()
    slider = page.locator("#bend-2").get_by_role("slider")
    stood = float(slider.input_value())
    slider.press("ArrowRight")
    expect(page.locator("#compare .after")).to_be_visible()
    code = load_png(download(page, "Download")).edits[-1]["code"]
    assert code[2] == pytest.approx(stood + 0.01, abs=1e-6)


def test_stop_stops_an_edit(visit: Callable, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a Stop that waits for the end, and a tab that is stuck after it."""
    page = visit()
    open_photo(page)
    cancels, painter = [], studio._checkpoint.editor.sampler
    edit, step = studio.edit, painter.step

    def watched(picture: object, todo: object, cancel: threading.Event, files: object) -> Iterator:
        cancels.append(cancel)
        return edit(picture, todo, cancel, files)

    def patiently(drawings: list) -> None:
        """Every step waits until Stop has reached the server."""
        assert cancels[0].wait(FFMPEG_TIMEOUT)
        step(drawings)

    monkeypatch.setattr(studio, "edit", watched)
    monkeypatch.setattr(painter, "step", patiently)
    press(page, "Make it")
    press(page, "Stop")
    expect(page.locator("#edit-status")).to_contain_text("Stopped.")
    make(page)


# --- files of all kinds


def bomb() -> bytes:
    """A PNG file that says it has 400 megapixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return file_of(photo((60, 20)), "JPEG", exif=exif)


GOOD = {  # file, and the size that it is read at
    "one pixel": (lambda: file_of(photo((1, 1))), (1, 1)),
    "very long": (lambda: file_of(photo((20_000, 20))), (20_000, 20)),
    "cmyk": (lambda: file_of(photo().convert("CMYK"), "JPEG"), (40, 30)),
    "16 bit": (lambda: file_of(Image.fromarray(np.full((20, 20), 40_000, np.uint16))), (20, 20)),
    "animated": (lambda: animation.encode_animation([photo(), photo().rotate(180)], "gif"), (40, 30)),
    "rotated": (rotated, (20, 60)),
    "transparent": (lambda: file_of(Image.new("RGBA", (30, 30), (200, 0, 0, 0))), (30, 30)),
}
BAD = {
    "bomb": (bomb, "too large"),
    "no picture": (lambda: b"MZ\x90\x00", "no PNG, JPEG, WebP or GIF"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG, WebP or GIF"),
    "cut short": (lambda: file_of(Image.effect_noise((64, 64), 90))[:900], "damaged or cut short"),
    "empty": (lambda: b"", "the file is empty"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_of_any_kind_goes_through_every_edit(studio: Studio, name: str) -> None:
    """Guards against an edit that fails on a picture which somebody is bound to bring."""
    make_file, size = GOOD[name]
    picture = studio.open_file(make_file(), "a dog")
    assert picture.image.size == size and studio.reconstruct(picture).model_input.size == (SIZE, SIZE)
    all_of_it = edits.pack_mask(np.ones((SIZE, SIZE), bool))
    for edit in (
        edits.Variation(0.4, 1),
        edits.PromptEdit("a cat", None, 0.3, 3.0),
        edits.Inpaint(all_of_it, "a cat", 1),
        edits.Outpaint(0.3, 0, 1, "a cat", 1),
        edits.Upscale(2, studio.upscaler),
        edits.RemoveBackground(),
    ):
        *_, last = studio.edit(picture, [edit])
        assert last.done and last.pictures[0].image.width >= 1


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(studio: Studio, name: str) -> None:
    """Guards against a decoder's own words, or none at all."""
    make_file, sentence = BAD[name]
    with pytest.raises(images.ImageError, match=sentence):
        studio.open_file(make_file())


def test_a_bad_file_leaves_what_was_there(visit: Callable) -> None:
    """Guards against a tab that is stuck after a file it cannot read, or that loses the open picture."""
    page = visit()
    page.get_by_role("tab", name="Edit").click()
    alert = page.locator("#edit-trouble").get_by_role("alert")
    upload(page, bomb())
    expect(alert).to_contain_text("too large")
    upload(page, GOOD["cmyk"][0]())
    expect(page.locator("#pair img")).to_have_count(2)
    upload(page, b"MZ\x90\x00")
    expect(alert).to_contain_text("no PNG, JPEG, WebP or GIF")
    expect(page.locator("#pair img")).to_have_count(2)
    make(page)
    noise = file_of(Image.effect_noise((64, 64), 120).convert("RGB"))
    upload(page, noise)
    expect(page.get_by_text("Nothing changed yet")).to_be_visible()
    choose(page, "Cut out")
    press(page, "Make it")
    expect(page.locator("#edit-status")).to_contain_text("not one flat colour")


# --- programs


def test_every_edit_has_an_endpoint(address: str, studio: Studio, tmp_path: Path) -> None:
    """Guards against endpoints that drift from what the page does, and paths that a program may not read."""
    client = Client(address, verbose=False, download_files=tmp_path)

    def call(name: str, *values: object) -> object:
        return client.predict(*values, api_name=f"/{name}")

    def given(image: Image.Image, name: str) -> object:
        (tmp_path / name).write_bytes(file_of(image))
        return handle_file(tmp_path / name)

    picture, other = given(photo(), "photo.png"), given(photo((50, 50)), "other.png")
    seen, again = call("look", picture, "a dog")
    assert seen["shows"] == "a dog" and len(seen["code"]) == 20 and images.read(again).size == (SIZE, SIZE)
    made = call("edit", picture, [{"kind": "vary", "amount": 0.3, "seed": s} for s in (1, 2)], "a dog")
    assert [load_png(file).edits[-1]["seed"] for file in made] == [1, 2]
    white = given(Image.new("L", (8, 8), 255), "mask.png")
    painted = load_png(call("inpaint", picture, white, "a cat", 3, "a dog"))
    assert (
        edits.unpack_mask(painted.edits[-1]["mask"], SIZE).all() and edits.current_prompt(painted) == "a cat"
    )
    assert len(call("blend", picture, other)) == 7
    with Image.open(call("film", picture, other, "gif")) as shown:
        assert (shown.format, shown.n_frames) == ("GIF", 12)
    with pytest.raises(AppError, match="no film of kind"):
        call("film", picture, other, "avi")
    with zipfile.ZipFile(call("icons", picture)) as archive:
        assert "favicon.ico" in archive.namelist()
    again = call("replay", load_png(made[0]).to_dict(), picture)
    assert load_png(again) == load_png(made[0])
    pair = images.from_images([images.read(file) for file in (again, made[0])])
    assert images.psnr(pair[:1], pair[1:]) > 45  # drawn alone, and beside another
    with pytest.raises(AppError, match="SHA-256 begins"):
        call("replay", load_png(made[0]).to_dict(), None)
    with pytest.raises(AppError, match="kind must be one of open"):
        call("edit", picture, [{"kind": "hat"}], "")
    with pytest.raises(AppError):
        call("look", {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, "")


# --- look


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1440, "dark")])
def test_the_tab_fits_and_axe_finds_nothing(visit: Callable, width: int, theme: str) -> None:
    """Guards against a tab that scrolls sideways, and against what assistive programs cannot read."""
    page = visit(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    open_photo(page)
    choose(page, "Paint over")
    expect(page.locator("#board canvas")).to_be_visible()
    choose(page, "Variations")
    make(page)
    choose(page, "Paint over")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe_violations(page) == []


def test_the_tab_speaks_chinese(visit: Callable) -> None:
    """Guards against words of the tab that stay English."""
    page = visit(locale="zh-CN")
    page.get_by_role("tab", name="编辑").click()
    upload(page, file_of(photo()))
    expect(page.locator("#pair img")).to_have_count(2)
    for tool in ("局部重画", "扩展", "画风", "融合", "抠图", "放大", "滑块", "改描述", "变体"):
        page.locator("#tools").get_by_text(tool, exact=True).click()
    press(page, "开始")
    expect(page.locator("#edit-status")).to_contain_text("完成")
    left = page.locator("#edit-room").evaluate("panel => panel.innerText")
    assert set(re.findall(r"[A-Za-z]{3,}", left)) <= set("zip GIF WebP".split())
