"""Teaching in a browser: pictures go in; a run is watched, left, stopped, goes on; its result draws."""

import base64
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from dalle import runtime
from dalle.finetuning import plan, run_lock, runs
from dalle.pipeline import checkpoint_archive, sliders
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider
from dalle.serving.studio import Studio
from dalle.serving.training_limits import Limits
from dalle.serving.training_service import TrainingService
from tests.tiny import tiny_checkpoint
from tests.training_runs import CAPTION, save_blorple_images
from tests.ui.browser import axe_violations, draw, gallery, load, open_picture_recipe, playwright, press

expect, Page = playwright.expect, playwright.Page
PATIENCE = 300_000  # ms that a process may take on a busy machine
LONG = plan.Preset(steps=10**6, generator_steps=2, replay_samples=4)  # until it is stopped


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", card="# A card\n")
    sliders.save_sliders(folder / "sliders.json", [named(3, "size", "大小")])
    return folder


def named(index: int, name: str, chinese: str) -> Slider:
    texts = {"en": name, "zh": chinese}
    return Slider(index, texts, texts, texts)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> TrainingService:
    return TrainingService(
        tmp_path_factory.mktemp("home") / "runs", Limits(steps=10**9, free_bytes=1), shared=True
    )


@pytest.fixture(scope="module")
def address(base: Path, workshop: TrainingService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a page is served on which visitors may train, each on their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        patch.setattr(runtime, "bfloat16_is_faster", lambda: False)
        patch.setitem(plan.FINETUNE_PRESETS, "quick", LONG)
        from gradio import networking

        from dalle.ui.page import build, start

        patch.setattr(networking, "url_ok", lambda url: True)
        with Studio(base) as studio, workshop:
            page = build(studio, training=workshop)
            start(page, server_name="127.0.0.1", quiet=True)
            yield page.local_url
            page.close()


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Five pictures, four of them with captions, a broken one, and a caption of none."""
    home = save_blorple_images(tmp_path / "pictures")
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    rows = [f"{name}.png,{CAPTION}" for name in (0, 1, 2, 3, 77)]
    (home / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return [str(path) for path in sorted(home.iterdir())]


def teach_tab(page: Page) -> None:
    page.get_by_role("tab", name="Teach").click()


def hand_over(page: Page, files: list[str]) -> None:
    page.locator("#zone input[type=file]").first.set_input_files(files)


def drop(page: Page, files: list[str]) -> None:
    """Drop pictures, as a zip, anywhere on the page."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in files:
            if path.endswith(".png"):
                archive.write(path, Path(path).name)
    page.evaluate(
        """async (content) => {
            const bytes = await (await fetch(`data:application/zip;base64,${content}`)).arrayBuffer();
            const files = new DataTransfer();
            files.items.add(new File([bytes], "pictures.zip", { type: "application/zip" }));
            document.querySelector("h1").dispatchEvent(
                new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(packed.getvalue()).decode(),
    )


def status(page: Page) -> playwright.Locator:
    return page.locator("#run-status")


def caption(page: Page, row: int, text: str) -> None:
    """Write into the table, as a person does."""
    cell = page.locator("#captions").get_by_role("gridcell").nth(3 * row + 2)
    cell.dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(cell).to_contain_text(text)


def test_teaching_from_pictures_to_a_drawing(
    visit: Callable[..., Page], workshop: TrainingService, pictures: list[str], base: Path, tmp_path: Path
) -> None:
    """Guards against a tab that loses a run on reload, cannot stop, or is done with nothing to draw by."""
    page = visit()
    teach_tab(page)
    expect(page.get_by_text("Nothing taught yet")).to_be_visible()
    hand_over(page, pictures)
    expect(page.locator(".counts")).to_contain_text(
        "5 pictures 4 captions matched 1 without a caption 2 left"
    )
    page.get_by_text("What will not be learnt from").click()
    expect(page.locator(".problems")).to_contain_text("broken.png unreadable the file is no PNG")
    expect(page.locator(".problems")).to_contain_text("(77.png) no picture for this caption")
    expect(page.get_by_label(re.compile("Quick · about"))).to_be_checked()
    expect(page.get_by_role("img", name=re.compile("It will first practise painting them"))).to_be_visible()
    press(page, "Start teaching")
    expect(page.get_by_test_id("toast-text")).to_contain_text("1 pictures have no caption, 4.png for one")
    caption(page, 4, "a big blorple")
    press(page, "Start teaching")
    expect(status(page)).to_contain_text("a-blorple")
    expect(page.get_by_role("img", name="Being learnt")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("how well it can hold them"))).to_be_visible(
        timeout=PATIENCE
    )
    (run,) = runs.list_runs(workshop.home)
    assert json.loads((run.folder / "data/report.json").read_text())["sources"]["4.png"] == "typed"

    load(page, page.url)
    teach_tab(page)
    expect(status(page)).to_contain_text(re.compile("Learning · Step .* of 1000002"), timeout=PATIENCE)
    other = page.context.new_page()  # of the same visitor
    load(other, page.url)
    teach_tab(other)
    press(other, "Stop")
    for tab in (other, page):
        expect(status(tab)).to_contain_text("Stopped", timeout=PATIENCE)
        expect(tab.get_by_role("button", name="Go on")).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("Drawn by now"))).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("Loss"))).to_be_visible()
    other.close()

    both = run.status().step  # of Generator and flow; so many of the flow alone are a few more
    plan = json.loads((run.folder / "plan.json").read_text()) | {"steps": both}
    (run.folder / "plan.json").write_text(json.dumps(plan))
    press(page, "Go on")
    expect(status(page)).to_contain_text("Done", timeout=PATIENCE)
    assert run.status().step == both + LONG.generator_steps

    press(page, "Draw with it")
    expect(gallery(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text(CAPTION)
    digest = DALLE.from_pretrained(run.checkpoint).model.digest
    assert open_picture_recipe(page).checkpoint == digest != DALLE.from_pretrained(base).model.digest
    expect(page.locator("#credits")).to_contain_text(f"a-blorple {digest}")
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#card")).to_contain_text("fine-tuned on a person's own pictures")

    teach_tab(page)
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.suggested_filename == "a-blorple.zip"
    checkpoint_archive.import_checkpoint(Path(download.value.path()), tmp_path / "home")
    assert DALLE.from_pretrained(tmp_path / "home").model.digest == digest
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Delete")
    expect(page.get_by_test_id("toast-text").last).to_contain_text("choose another checkpoint first")
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name="tiny").click()
    expect(page.locator("#credits")).to_contain_text("tiny")
    press(page, "Delete")
    expect(page.get_by_text("Nothing taught yet")).to_be_visible()
    assert not run.folder.exists()


def test_a_checkpoint_is_brought_and_another_refused(
    visit: Callable[..., Page], workshop: TrainingService, base: Path, tmp_path: Path
) -> None:
    """Guards against an import that takes anything, and one that strangers see."""
    page = visit()
    teach_tab(page)
    bring = page.locator("#learnt input[type=file]")
    bring.set_input_files({"name": "model.bin", "mimeType": "x/y", "buffer": b"no checkpoint"})
    expect(page.locator("#learnt").get_by_role("alert")).to_contain_text(
        "model.bin is no part of a checkpoint"
    )
    theirs = tiny_checkpoint(
        tmp_path / "theirs", card="# Theirs ![x](http://evil.example/1) <img src=//evil>"
    )
    (tmp_path / "theirs.zip").write_bytes(checkpoint_archive.export_zip(theirs, "theirs"))
    bring.set_input_files(str(tmp_path / "theirs.zip"))
    expect(page.locator("#runs")).to_contain_text("theirs Done")
    expect(page.get_by_role("button", name="Draw with it")).to_be_visible()
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name="theirs").click()
    expect(page.locator("#credits")).to_contain_text("theirs")
    page.get_by_role("tab", name="About").click()  # nothing may leave this machine
    expect(page.locator("#card")).to_contain_text("<img src=//evil>")
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name="tiny").click()
    expect(page.locator("#credits")).to_contain_text("tiny")
    stranger = visit()
    teach_tab(stranger)
    expect(stranger.get_by_text("Nothing taught yet")).to_be_visible()
    stranger.get_by_label("Checkpoint").click()
    expect(stranger.get_by_role("option", name="tiny")).to_be_visible()
    expect(stranger.get_by_role("option", name="theirs")).to_have_count(0)


@pytest.fixture
def other(base: Path) -> Iterator[str]:
    """A checkpoint beside the other, with a sheet, and a slider in front that is folded there."""
    card = "# Another\n\n![What it draws](samples.webp)\n\n![x](http://evil.example/1.png)"
    folder = tiny_checkpoint(base.parent / "other", seed=1, card=card)
    sliders.save_sliders(folder / "sliders.json", [named(19, "warmth", "冷暖"), named(3, "height", "高低")])
    Image.new("RGB", (64, 32), "red").save(folder / "samples.webp")
    yield folder.name
    shutil.rmtree(folder)


def use(page: Page, name: str) -> None:
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator("#credits")).to_contain_text(name)


def first_two(page: Page, names: list[str], prefix: str) -> None:
    for place, name in enumerate(names):
        expect(page.locator(f"#{prefix}-{place} label")).to_have_text(name)


def test_another_checkpoint_brings_its_sliders_and_its_sheet(visit: Callable[..., Page], other: str) -> None:
    """Guards against names of one checkpoint over the numbers of another, and a card without its pictures."""
    page = visit()
    draw(page)
    first_two(page, ["size", "latent 1"], "slider")
    expect(page.locator("#slider-19")).to_be_hidden()
    use(page, other)
    first_two(page, ["warmth", "height"], "slider")
    page.get_by_text("中文").click()
    first_two(page, ["冷暖", "高低"], "slider")
    codes = []
    for _ in range(2):
        file = page.locator("#picture img").get_attribute("src")
        page.locator("#slider-0").get_by_role("slider").press("ArrowRight")
        expect(page.locator("#picture img")).not_to_have_attribute("src", file)
        codes.append(open_picture_recipe(page).code)
    assert [at for at in range(20) if codes[0][at] != codes[1][at]] == [19]
    page.locator("#edit").click()
    expect(page.locator("#pair img")).to_have_count(2, timeout=PATIENCE)
    page.locator("#tools").get_by_text("滑块").click()
    first_two(page, ["冷暖", "高低"], "bend")
    page.get_by_role("tab", name="关于").click()
    sheet = page.locator("#card").get_by_role("img")
    expect(sheet).to_have_count(1)
    expect(sheet).to_have_attribute("alt", "What it draws")
    page.wait_for_function("() => document.querySelector('#card img').naturalWidth === 64")
    violations = axe_violations(page)
    assert [
        (rule, html) for rule, html in violations if "toast-header" not in html
    ] == []  # a button in a button
    use(page, "tiny")
    expect(sheet).to_have_count(0)
    page.get_by_role("tab", name="编辑").click()
    first_two(page, ["大小", "潜变量 1"], "bend")
    page.get_by_text("EN", exact=True).click()
    first_two(page, ["size", "latent 1"], "bend")


def test_a_queue_is_shown_and_survives(
    visit: Callable[..., Page], workshop: TrainingService, pictures: list[str]
) -> None:
    """Guards against a second training at the same time, and a draft that a reload loses."""
    other = runs.create(workshop.home, "of-somebody-else")
    runs.record_state(other, "training")
    lock = workshop.home / "lock.json"
    lock.write_text(
        json.dumps({"run": other.name, "pid": os.getpid(), "born": run_lock.process_start_time(os.getpid())})
    )
    page = visit()
    teach_tab(page)
    drop(page, [path for path in pictures if path.endswith(("0.png", "1.png"))])
    expect(page.locator(".counts")).to_contain_text("2 pictures 0 captions matched 2 without a caption")
    drop(page, pictures)  # which are added
    expect(page.locator(".counts")).to_contain_text("5 pictures 0 captions matched 5 without a caption")
    expect(page.get_by_role("img", name=re.compile("It will first practise"))).to_be_visible()
    load(page, page.url)
    teach_tab(page)
    page.get_by_label("One caption for all").fill("a blorple")
    press(page, "Use for all")
    expect(page.locator("#captions").get_by_role("gridcell", name="a blorple")).to_have_count(5)
    press(page, "Start teaching")
    expect(status(page)).to_contain_text("One learns at a time; before this one: 1")
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    lock.unlink()


def test_it_fits_and_axe_finds_nothing(visit: Callable[..., Page], pictures: list[str]) -> None:
    """Guards against a tab that scrolls sideways, and against what assistive programs cannot read."""
    page = visit(reduced_motion="reduce")
    teach_tab(page)
    hand_over(page, pictures)
    expect(page.get_by_role("img", name=re.compile("It will first practise"))).to_be_visible()
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for _ in ("dark", "light"):
            press(page, "Light or dark")
            assert axe_violations(page) == []
    page.get_by_text("中文").click()
    expect(page.get_by_label(re.compile("快速 · 约"))).to_be_checked()
    expect(page.locator(".counts")).to_contain_text("5 张图片")
    english = set(re.findall(r"[A-Za-z]{3,}", page.locator("#given").inner_text()))
    # The sentence is Gradio's own, and is only read aloud.
    allowed = "zip png blorple Drop CSV TSV files here import data into dataframe"
    assert english <= set(allowed.split())
    expect(page.locator("#captions").get_by_role("gridcell", name="a blorple")).to_have_count(4)
