"""The Edit tab in a browser, with a tiny model: all tools, ways to open a picture, and kinds of files."""

import base64
import io
import re
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
from tests.ui.browser import Locator, Page, axe_violations, expect, gallery, press, prompt_box
from tests.ui.serve import serving

SIZE = 32
STOP_TIMEOUT = 60  # seconds that Stop may take to reach the server


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


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def photo(size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A red rectangle on white."""
    image = Image.new("RGB", size, "white")
    image.paste((200, 30, 40), (size[0] // 4, size[1] // 4, size[0] // 2 + 1, size[1] // 2 + 1))
    return image


def upload(page: Page, content: bytes, button: str = "#edit-open") -> None:
    file_input = page.locator(button).locator("xpath=..").locator("input[type=file]")
    file_input.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": content})


def open_photo(page: Page, content: bytes | None = None) -> None:
    """Open a file in the Edit tab, and wait for its reconstruction."""
    page.get_by_role("tab", name="Edit").click()
    upload(page, content or encode(photo()))
    expect(page.locator("#pair img")).to_have_count(2)


def choose_tool(page: Page, tool: str) -> None:
    page.locator("#tools").get_by_text(tool, exact=True).click()


def run_edit(page: Page) -> None:
    """Press "Make it", and wait until the edit is done."""
    status = page.locator("#edit-status")
    status.locator("p").evaluate_all("texts => texts.forEach((text) => text.remove())")  # of the last edit
    press(page, "Make it")
    expect(status).to_contain_text("Done.")


def results(page: Page) -> Locator:
    return page.locator("#results [data-index]")


def download(page: Page, button: str) -> bytes:
    with page.expect_download() as download_info:
        press(page, button)
    return Path(download_info.value.path()).read_bytes()


# --- opening pictures


def test_a_drawn_picture_is_edited_and_its_link_replays_the_edit(visit: Callable, studio: Studio) -> None:
    """Guards against links without the edits, and links that work only in the browser that made them."""
    page = visit()
    expect(page.get_by_text("No picture yet")).to_be_hidden()
    prompt_box(page).fill("a red apple")
    page.keyboard.press("Enter")
    expect(gallery(page)).to_have_count(8)
    expect(page.locator("#picture figure")).to_be_visible()
    drawn = load_png(base64.b64decode(page.locator("#picture img").get_attribute("src").partition(",")[2]))
    page.locator("#bench").get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#pair img")).to_have_count(2)
    expect(page.get_by_label("It shows")).to_have_value("a red apple")
    run_edit(page)
    expect(results(page)).to_have_count(4)
    results(page).nth(2).click()
    saved = load_png(download(page, "Download"))
    assert saved.seed == drawn.seed and [edit["kind"] for edit in saved.edits] == ["vary"]
    friend = visit("?" + saved.to_query())
    expect(friend.locator("#pair img")).to_have_count(2)
    source = friend.locator("#pair img").first.get_attribute("src")
    opened = images.read(base64.b64decode(source.partition(",")[2]))
    *_, last = studio.replay(saved)
    assert opened.tobytes() == last.pictures[0].image.tobytes()


def test_results_are_in_the_history(visit: Callable) -> None:
    """Guards against results that a reload loses, and a history that opens them without their edits."""
    page = visit()
    prompt_box(page).fill("a red apple")
    page.keyboard.press("Enter")
    expect(gallery(page)).to_have_count(8)
    expect(page.locator("#picture figure")).to_be_visible()
    page.locator("#bench").get_by_role("button", name="Edit", exact=True).click()
    run_edit(page)
    thumbnails = page.locator("#history [data-index]")
    expect(thumbnails).to_have_count(12)
    saved = load_png(download(page, "Download"))
    page.reload()
    expect(thumbnails).to_have_count(12)
    thumbnails.first.click()
    expect(page.get_by_role("tab", name="Edit")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#pair img")).to_have_count(2)
    run_edit(page)
    assert load_png(download(page, "Download")).edits[:1] == saved.edits


def test_a_link_to_an_edited_file_asks_for_the_file(visit: Callable) -> None:
    """Guards against a link that shows another picture, or nothing, to a visitor without the file."""
    content = encode(photo())
    page = visit()
    open_photo(page, content)
    run_edit(page)
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
    """Guards against files that go to a tab which is not open."""
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
            [base64.b64encode(encode(photo((30 if kind == "paste" else 32, 32)))).decode(), kind],
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


def test_every_tool_gives_results(visit: Callable) -> None:
    """Guards against controls that have no effect on the edit."""
    page = visit()
    open_photo(page)
    shows = page.get_by_label("It shows")
    shows.fill("")
    shows.press_sequentially("a dog")
    choose_tool(page, "Change the words")
    page.get_by_label("What the picture shows then").fill("a red apple")
    run_edit(page)
    expect(results(page)).to_have_count(4)
    saved = load_png(download(page, "Download"))
    assert saved.prompt == "a dog" and edits.current_prompt(saved) == "a red apple"

    choose_tool(page, "Style")
    run_edit(page)
    expect(results(page)).to_have_count(7)
    page.locator("#tool-look").get_by_text("Another picture's").click()
    upload(page, encode(photo((20, 60))), "#edit-other")
    expect(page.locator("#other-shown img")).to_have_count(1)
    run_edit(page)
    assert "code" in load_png(download(page, "Download")).edits[-1]

    choose_tool(page, "Extend")
    page.locator("#tool-side").get_by_text("Left", exact=True).click()
    run_edit(page)
    assert load_png(download(page, "Download")).edits[-1]["left"] == 0.3

    choose_tool(page, "Blend")
    run_edit(page)
    expect(results(page)).to_have_count(7)
    for button, kind in (("Animation (GIF)", "GIF"), ("Animation (WebP)", "WEBP")):
        with Image.open(io.BytesIO(download(page, button))) as animated:
            assert (animated.format, animated.n_frames) == (kind, 12)
    expect(page.get_by_role("button", name="Video (MP4)")).to_be_visible(
        visible="mp4" in animation.available_formats()
    )

    choose_tool(page, "Enlarge")
    run_edit(page)
    assert images.read(download(page, "Download")).size == (160, 120)

    choose_tool(page, "Cut out")
    run_edit(page)
    with zipfile.ZipFile(io.BytesIO(download(page, "Icons (zip)"))) as archive:
        icon = images.read(archive.read("icon-64.png"), alpha=True)
        assert "favicon.ico" in archive.namelist() and icon.getpixel((1, 32))[3] == 0
    press(page, "Go on from this")
    expect(page.get_by_text("Nothing changed yet")).to_be_visible()
    choose_tool(page, "Variations")
    run_edit(page)
    kinds = [edit["kind"] for edit in load_png(download(page, "Download")).edits]
    assert kinds == ["open", "cut-out", "vary"]


def test_a_failed_edit_leaves_the_results(visit: Callable) -> None:
    """Guards against results that disappear because the next edit fails."""
    page = visit()
    open_photo(page)
    run_edit(page)
    expect(results(page)).to_have_count(4)
    before = download(page, "Download")
    thumbnails = page.locator("#history [data-index]")
    expect(thumbnails).to_have_count(4)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("tab", name="Create").click()
    press(page, "Clear")
    expect(thumbnails).to_have_count(0)
    page.get_by_role("tab", name="Edit").click()
    choose_tool(page, "Paint over")
    page.locator("#edit-start").click()
    expect(page.locator("#edit-status")).to_contain_text("the mask is empty")
    expect(results(page)).to_have_count(4)
    assert download(page, "Download") == before
    choose_tool(page, "Variations")
    run_edit(page)
    expect(thumbnails).to_have_count(4)


def test_inpainting_changes_only_the_mask(visit: Callable) -> None:
    """Guards against a mask that is lost, shifted or rotated between the browser and the model."""
    page = visit()
    open_photo(page, encode(photo((SIZE, SIZE))))
    choose_tool(page, "Paint over")
    press(page, "Make it")
    alert = page.locator("#edit-status").get_by_role("alert")
    expect(alert).to_contain_text("the mask is empty")
    canvas = page.locator("#board canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.2, steps=3)
    page.mouse.up()
    run_edit(page)
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
    run_edit(page)


def test_sliders_edit_the_code(visit: Callable) -> None:
    """Guards against sliders that do not show the picture's code, or move another number of it."""
    page = visit()
    open_photo(page)
    choose_tool(page, "Sliders")
    expect(page.get_by_role("button", name="Make it")).to_be_hidden()
    slider = page.locator("#bend-2").get_by_role("slider")
    before = float(slider.input_value())
    slider.press("ArrowRight")
    expect(page.locator("#compare .after")).to_be_visible()
    code = load_png(download(page, "Download")).edits[-1]["code"]
    assert code[2] == pytest.approx(before + 0.01, abs=1e-6)


def test_stop_stops_an_edit(visit: Callable, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a Stop that waits for the end of the edit, and a tab that is stuck after it."""
    page = visit()
    open_photo(page)
    cancel_events: list[threading.Event] = []
    sampler = studio._checkpoint.editor.sampler
    edit, step = studio.edit, sampler.step

    def record_cancel_event(picture: Any, requested: Any, cancel: threading.Event, files: Any) -> Iterator:
        cancel_events.append(cancel)
        return edit(picture, requested, cancel, files)

    def step_after_stop(samples: list) -> None:
        assert cancel_events[0].wait(STOP_TIMEOUT)
        step(samples)

    monkeypatch.setattr(studio, "edit", record_cancel_event)
    monkeypatch.setattr(sampler, "step", step_after_stop)
    press(page, "Make it")
    press(page, "Stop")
    expect(page.locator("#edit-status")).to_contain_text("Stopped.")
    run_edit(page)


# --- kinds of files


def decompression_bomb() -> bytes:
    """A PNG file whose header says 400 megapixels."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rotated() -> bytes:
    """A JPEG file that is to be shown rotated by 90 degrees, by its EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(photo((60, 20)), "JPEG", exif=exif)


READABLE = {  # file, and the size of its image
    "one pixel": (lambda: encode(photo((1, 1))), (1, 1)),
    "very long": (lambda: encode(photo((20_000, 20))), (20_000, 20)),
    "cmyk": (lambda: encode(photo().convert("CMYK"), "JPEG"), (40, 30)),
    "16 bit": (lambda: encode(Image.fromarray(np.full((20, 20), 40_000, np.uint16))), (20, 20)),
    "animated": (lambda: animation.encode_animation([photo(), photo().rotate(180)], "gif"), (40, 30)),
    "rotated": (rotated, (20, 60)),
    "transparent": (lambda: encode(Image.new("RGBA", (30, 30), (200, 0, 0, 0))), (30, 30)),
}
UNREADABLE = {  # file, and a part of the error message
    "bomb": (decompression_bomb, "too large"),
    "no picture": (lambda: b"MZ\x90\x00", "no PNG, JPEG, WebP or GIF"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG, WebP or GIF"),
    "cut short": (lambda: encode(Image.effect_noise((64, 64), 90))[:900], "damaged or cut short"),
    "empty": (lambda: b"", "the file is empty"),
}


@pytest.mark.parametrize("name", READABLE)
def test_every_edit_takes_every_readable_file(studio: Studio, name: str) -> None:
    """Guards against an edit that fails for an unusual file."""
    make_file, size = READABLE[name]
    picture = studio.open_file(make_file(), "a dog")
    assert picture.image.size == size and studio.reconstruct(picture).model_input.size == (SIZE, SIZE)
    full_mask = edits.pack_mask(np.ones((SIZE, SIZE), bool))
    for edit in (
        edits.Variation(0.4, 1),
        edits.PromptEdit("a cat", None, 0.3, 3.0),
        edits.Inpaint(full_mask, "a cat", 1),
        edits.Outpaint(0.3, 0, 1, "a cat", 1),
        edits.Upscale(2, studio.upscaler),
        edits.RemoveBackground(),
    ):
        *_, last = studio.edit(picture, [edit])
        assert last.done and last.pictures[0].image.width >= 1


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_is_refused_with_a_reason(studio: Studio, name: str) -> None:
    """Guards against messages of a decoder, and against none at all."""
    make_file, message = UNREADABLE[name]
    with pytest.raises(images.ImageError, match=message):
        studio.open_file(make_file())


def test_an_unreadable_file_leaves_the_open_picture(visit: Callable) -> None:
    """Guards against a tab that is stuck after an unreadable file, or that loses the open picture."""
    page = visit()
    page.get_by_role("tab", name="Edit").click()
    alert = page.locator("#edit-trouble").get_by_role("alert")
    upload(page, decompression_bomb())
    expect(alert).to_contain_text("too large")
    upload(page, READABLE["cmyk"][0]())
    expect(page.locator("#pair img")).to_have_count(2)
    upload(page, b"MZ\x90\x00")
    expect(alert).to_contain_text("no PNG, JPEG, WebP or GIF")
    expect(page.locator("#pair img")).to_have_count(2)
    run_edit(page)
    noise = encode(Image.effect_noise((64, 64), 120).convert("RGB"))
    upload(page, noise)
    expect(page.get_by_text("Nothing changed yet")).to_be_visible()
    choose_tool(page, "Cut out")
    press(page, "Make it")
    expect(page.locator("#edit-status")).to_contain_text("not one flat colour")


# --- HTTP API


def test_every_edit_has_an_endpoint(address: str, studio: Studio, tmp_path: Path) -> None:
    """Guards against endpoints that drift from what the page does, and that read any file of the server."""
    client = Client(address, verbose=False, download_files=tmp_path)

    def call(name: str, *values: object) -> object:
        return client.predict(*values, api_name=f"/{name}")

    def save(image: Image.Image, name: str) -> object:
        (tmp_path / name).write_bytes(encode(image))
        return handle_file(tmp_path / name)

    picture, other = save(photo(), "photo.png"), save(photo((50, 50)), "other.png")
    description, reconstruction = call("look", picture, "a dog")
    assert description["shows"] == "a dog" and len(description["code"]) == 20
    assert images.read(reconstruction).size == (SIZE, SIZE)
    results = call("edit", picture, [{"kind": "vary", "amount": 0.3, "seed": s} for s in (1, 2)], "a dog")
    assert [load_png(file).edits[-1]["seed"] for file in results] == [1, 2]
    white = save(Image.new("L", (8, 8), 255), "mask.png")
    inpainted = load_png(call("inpaint", picture, white, "a cat", 3, "a dog"))
    assert edits.unpack_mask(inpainted.edits[-1]["mask"], SIZE).all()
    assert edits.current_prompt(inpainted) == "a cat"
    assert len(call("blend", picture, other)) == 7
    with Image.open(call("film", picture, other, "gif")) as animated:
        assert (animated.format, animated.n_frames) == ("GIF", 12)
    with pytest.raises(AppError, match="no film of kind"):
        call("film", picture, other, "avi")
    with zipfile.ZipFile(call("icons", picture)) as archive:
        assert "favicon.ico" in archive.namelist()
    replayed = call("replay", load_png(results[0]).to_dict(), picture)
    assert load_png(replayed) == load_png(results[0])
    pair = images.from_images([images.read(file) for file in (replayed, results[0])])
    assert images.psnr(pair[:1], pair[1:]) > 45  # one was drawn alone, the other in a batch
    with pytest.raises(AppError, match="SHA-256 begins"):
        call("replay", load_png(results[0]).to_dict(), None)
    with pytest.raises(AppError, match="kind must be one of open"):
        call("edit", picture, [{"kind": "hat"}], "")
    with pytest.raises(AppError):
        call("look", {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, "")


# --- layout and languages


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1440, "dark")])
def test_the_tab_fits_and_axe_finds_nothing(visit: Callable, width: int, theme: str) -> None:
    """Guards against a tab that scrolls sideways, and against content that screen readers cannot read."""
    page = visit(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    open_photo(page)
    choose_tool(page, "Paint over")
    expect(page.locator("#board canvas")).to_be_visible()
    choose_tool(page, "Variations")
    run_edit(page)
    choose_tool(page, "Paint over")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe_violations(page) == []


def test_the_tab_is_translated(visit: Callable) -> None:
    """Guards against texts of the tab that stay English."""
    page = visit(locale="zh-CN")
    page.get_by_role("tab", name="编辑").click()
    upload(page, encode(photo()))
    expect(page.locator("#pair img")).to_have_count(2)
    for tool in ("局部重画", "扩展", "画风", "融合", "抠图", "放大", "滑块", "改描述", "变体"):
        page.locator("#tools").get_by_text(tool, exact=True).click()
    press(page, "开始")
    expect(page.locator("#edit-status")).to_contain_text("完成")
    text = page.locator("#edit-room").evaluate("panel => panel.innerText")
    assert set(re.findall(r"[A-Za-z]{3,}", text)) <= set("zip GIF WebP".split())
