"""The Teach tab in a browser: upload, training runs, imported checkpoints, and drawing with them."""

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
from tests.ui.browser import (
    Locator,
    Page,
    axe_violations,
    draw,
    expect,
    gallery,
    load,
    open_picture_recipe,
    press,
)

TRAINING_TIMEOUT_MS = 300_000  # for steps of a training process on a busy machine
ENDLESS = plan.Preset(steps=10**6, generator_steps=2, replay_samples=4)  # trains until it is stopped


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", card="# A card\n")
    sliders.save_sliders(folder / "sliders.json", [slider(3, "size", "大小")])
    return folder


def slider(index: int, name: str, chinese: str) -> Slider:
    """A slider whose ends have the same name as it."""
    texts = {"en": name, "zh": chinese}
    return Slider(index, texts, texts, texts)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingService:
    return TrainingService(
        tmp_path_factory.mktemp("home") / "runs", Limits(steps=10**9, free_bytes=1), shared=True
    )


@pytest.fixture(scope="module")
def address(base: Path, training: TrainingService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves a page on which every visitor may train and sees only their own runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        patch.setattr(runtime, "bfloat16_is_faster", lambda: False)
        patch.setitem(plan.FINETUNE_PRESETS, "quick", ENDLESS)
        from gradio import networking

        from dalle.ui.page import build, start

        patch.setattr(networking, "url_ok", lambda url: True)
        with Studio(base) as studio, training:
            page = build(studio, training=training)
            start(page, server_name="127.0.0.1", quiet=True)
            yield page.local_url
            page.close()


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Five images, four of them with captions; a broken file, and a caption without an image."""
    folder = save_blorple_images(tmp_path / "pictures")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    rows = [f"{name}.png,{CAPTION}" for name in (0, 1, 2, 3, 77)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return [str(path) for path in sorted(folder.iterdir())]


def open_teach_tab(page: Page) -> None:
    page.get_by_role("tab", name="Teach").click()


def choose_files(page: Page, files: list[str]) -> None:
    page.locator("#zone input[type=file]").first.set_input_files(files)


def drop(page: Page, files: list[str]) -> None:
    """Drop a zip of the PNG files on the page's heading."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
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
        base64.b64encode(zipped.getvalue()).decode(),
    )


def status(page: Page) -> Locator:
    return page.locator("#run-status")


def type_caption(page: Page, row: int, text: str) -> None:
    """Type a caption into the table."""
    cell = page.locator("#captions").get_by_role("gridcell").nth(3 * row + 2)
    cell.dblclick()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(cell).to_contain_text(text)


def test_from_upload_to_a_drawing(
    visit: Callable[..., Page], training: TrainingService, pictures: list[str], base: Path, tmp_path: Path
) -> None:
    """Guards against a run that is lost on reload, cannot be stopped, or ends without a usable checkpoint."""
    page = visit()
    open_teach_tab(page)
    expect(page.get_by_text("Nothing taught yet")).to_be_visible()
    choose_files(page, pictures)
    expect(page.locator(".counts")).to_contain_text(
        "5 pictures 4 captions matched 1 without a caption 2 left"
    )
    page.get_by_text("What will not be learnt from").click()
    expect(page.locator(".problems")).to_contain_text("broken.png unreadable the file is no PNG")
    expect(page.locator(".problems")).to_contain_text("(77.png) no picture for this caption")
    expect(page.get_by_label(re.compile("Quick · about"))).to_be_checked(timeout=TRAINING_TIMEOUT_MS)
    expect(page.get_by_role("img", name=re.compile("It will first practise painting them"))).to_be_visible()
    press(page, "Start teaching")
    expect(page.get_by_test_id("toast-text")).to_contain_text("1 pictures have no caption, 4.png for one")
    type_caption(page, 4, "a big blorple")
    press(page, "Start teaching")
    expect(status(page)).to_contain_text("a-blorple")
    expect(page.get_by_role("img", name="Being learnt")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("how well it can hold them"))).to_be_visible(
        timeout=TRAINING_TIMEOUT_MS
    )
    (run,) = runs.list_runs(training.home)
    assert json.loads((run.folder / "data/report.json").read_text())["sources"]["4.png"] == "typed"

    load(page, page.url)
    open_teach_tab(page)
    expect(status(page)).to_contain_text(
        re.compile("Learning · Step .* of 1000002"), timeout=TRAINING_TIMEOUT_MS
    )
    second_page = page.context.new_page()  # of the same visitor
    load(second_page, page.url)
    open_teach_tab(second_page)
    press(second_page, "Stop")
    for tab in (second_page, page):
        expect(status(tab)).to_contain_text("Stopped", timeout=TRAINING_TIMEOUT_MS)
        expect(tab.get_by_role("button", name="Go on")).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("Drawn by now"))).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("Loss"))).to_be_visible()
    second_page.close()

    # Let the run end soon after the step that it has reached, which counts those of both stages.
    stopped_at = run.status().step
    changed_plan = json.loads((run.folder / "plan.json").read_text()) | {"steps": stopped_at}
    (run.folder / "plan.json").write_text(json.dumps(changed_plan))
    press(page, "Go on")
    expect(status(page)).to_contain_text("Done", timeout=TRAINING_TIMEOUT_MS)
    assert run.status().step == stopped_at + ENDLESS.generator_steps

    press(page, "Draw with it")
    expect(gallery(page)).to_have_count(8)
    expect(page.get_by_role("figure")).to_contain_text(CAPTION)
    digest = DALLE.from_pretrained(run.checkpoint).model.digest
    assert open_picture_recipe(page).checkpoint == digest != DALLE.from_pretrained(base).model.digest
    expect(page.locator("#credits")).to_contain_text(f"a-blorple {digest}")
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#card")).to_contain_text("fine-tuned on a person's own pictures")

    open_teach_tab(page)
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


def test_a_checkpoint_is_imported_and_another_refused(
    visit: Callable[..., Page], training: TrainingService, base: Path, tmp_path: Path
) -> None:
    """Guards against an import that accepts any file, and a checkpoint that other visitors see."""
    page = visit()
    open_teach_tab(page)
    file_input = page.locator("#learnt input[type=file]")
    file_input.set_input_files({"name": "model.bin", "mimeType": "x/y", "buffer": b"no checkpoint"})
    expect(page.locator("#learnt").get_by_role("alert")).to_contain_text(
        "model.bin is no part of a checkpoint"
    )
    theirs = tiny_checkpoint(
        tmp_path / "theirs", card="# Theirs ![x](http://evil.example/1) <img src=//evil>"
    )
    (tmp_path / "theirs.zip").write_bytes(checkpoint_archive.export_zip(theirs, "theirs"))
    file_input.set_input_files(str(tmp_path / "theirs.zip"))
    expect(page.locator("#runs")).to_contain_text("theirs Done")
    expect(page.get_by_role("button", name="Draw with it")).to_be_visible()
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name="theirs").click()
    expect(page.locator("#credits")).to_contain_text("theirs")
    page.get_by_role("tab", name="About").click()  # the card's images are not loaded from other hosts
    expect(page.locator("#card")).to_contain_text("<img src=//evil>")
    page.get_by_label("Checkpoint").click()
    page.get_by_role("option", name="tiny").click()
    expect(page.locator("#credits")).to_contain_text("tiny")
    stranger = visit()
    open_teach_tab(stranger)
    expect(stranger.get_by_text("Nothing taught yet")).to_be_visible()
    stranger.get_by_label("Checkpoint").click()
    expect(stranger.get_by_role("option", name="tiny")).to_be_visible()
    expect(stranger.get_by_role("option", name="theirs")).to_have_count(0)


@pytest.fixture
def other(base: Path) -> Iterator[str]:
    """A second checkpoint, with a sample grid, whose first slider is in the accordion for `base`."""
    card = "# Another\n\n![What it draws](samples.webp)\n\n![x](http://evil.example/1.png)"
    folder = tiny_checkpoint(base.parent / "other", seed=1, card=card)
    sliders.save_sliders(folder / "sliders.json", [slider(19, "warmth", "冷暖"), slider(3, "height", "高低")])
    Image.new("RGB", (64, 32), "red").save(folder / "samples.webp")
    yield folder.name
    shutil.rmtree(folder)


def select_checkpoint(page: Page, name: str) -> None:
    page.locator("#checkpoint input").click()
    page.get_by_role("option", name=name, exact=True).click()
    expect(page.locator("#credits")).to_contain_text(name)


def expect_first_sliders(page: Page, names: list[str], id_prefix: str) -> None:
    for position, name in enumerate(names):
        expect(page.locator(f"#{id_prefix}-{position} label")).to_have_text(name)


def test_another_checkpoint_has_its_own_sliders_and_card(visit: Callable[..., Page], other: str) -> None:
    """Guards against slider names of another checkpoint, and a model card without its images."""
    page = visit()
    draw(page)
    expect_first_sliders(page, ["size", "latent 1"], "slider")
    expect(page.locator("#slider-19")).to_be_hidden()
    select_checkpoint(page, other)
    expect_first_sliders(page, ["warmth", "height"], "slider")
    page.get_by_text("中文").click()
    expect_first_sliders(page, ["冷暖", "高低"], "slider")
    codes = []
    for _ in range(2):
        url = page.locator("#picture img").get_attribute("src")
        page.locator("#slider-0").get_by_role("slider").press("ArrowRight")
        expect(page.locator("#picture img")).not_to_have_attribute("src", url)
        codes.append(open_picture_recipe(page).code)
    assert [index for index in range(20) if codes[0][index] != codes[1][index]] == [19]
    page.locator("#edit").click()
    expect(page.locator("#pair img")).to_have_count(2, timeout=TRAINING_TIMEOUT_MS)
    page.locator("#tools").get_by_text("滑块").click()
    expect_first_sliders(page, ["冷暖", "高低"], "bend")
    page.get_by_role("tab", name="关于").click()
    sample_grid = page.locator("#card").get_by_role("img")
    expect(sample_grid).to_have_count(1)
    expect(sample_grid).to_have_attribute("alt", "What it draws")
    page.wait_for_function("() => document.querySelector('#card img').naturalWidth === 64")
    violations = axe_violations(page)
    # Gradio's toasts have a button in a button.
    assert [(rule, html) for rule, html in violations if "toast-header" not in html] == []
    select_checkpoint(page, "tiny")
    expect(sample_grid).to_have_count(0)
    page.get_by_role("tab", name="编辑").click()
    expect_first_sliders(page, ["大小", "潜变量 1"], "bend")
    page.get_by_text("EN", exact=True).click()
    expect_first_sliders(page, ["size", "latent 1"], "bend")


def test_a_run_waits_for_another_and_a_draft_survives(
    visit: Callable[..., Page], training: TrainingService, pictures: list[str]
) -> None:
    """Guards against a second training at the same time, and a draft that a reload loses."""
    active = runs.create(training.home, "of-somebody-else")
    runs.record_state(active, "training")
    lock = training.home / "lock.json"
    lock.write_text(
        json.dumps({"run": active.name, "pid": os.getpid(), "born": run_lock.process_start_time(os.getpid())})
    )
    page = visit()
    open_teach_tab(page)
    drop(page, [path for path in pictures if path.endswith(("0.png", "1.png"))])
    expect(page.locator(".counts")).to_contain_text("2 pictures 0 captions matched 2 without a caption")
    drop(page, pictures)  # added to the first two
    expect(page.locator(".counts")).to_contain_text("5 pictures 0 captions matched 5 without a caption")
    forecast = page.get_by_role("img", name=re.compile("It will first practise"))
    expect(forecast).to_be_visible(timeout=TRAINING_TIMEOUT_MS)
    load(page, page.url)
    open_teach_tab(page)
    page.get_by_label("One caption for all").fill("a blorple")
    press(page, "Use for all")
    expect(page.locator("#captions").get_by_role("gridcell", name="a blorple")).to_have_count(5)
    press(page, "Start teaching")
    expect(status(page)).to_contain_text("One learns at a time; before this one: 1")
    press(page, "Stop")
    expect(status(page)).to_contain_text("Stopped")
    lock.unlink()


def test_the_tab_fits_and_axe_finds_nothing(visit: Callable[..., Page], pictures: list[str]) -> None:
    """Guards against a tab that scrolls sideways, and against content that screen readers cannot read."""
    page = visit(reduced_motion="reduce")
    open_teach_tab(page)
    choose_files(page, pictures)
    forecast = page.get_by_role("img", name=re.compile("It will first practise"))
    expect(forecast).to_be_visible(timeout=TRAINING_TIMEOUT_MS)  # measured in a process of its own
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for _ in ("dark", "light"):
            press(page, "Light or dark")
            assert axe_violations(page) == []
    page.get_by_text("中文").click()
    expect(page.get_by_label(re.compile("快速 · 约"))).to_be_checked(timeout=TRAINING_TIMEOUT_MS)
    expect(page.locator(".counts")).to_contain_text("5 张图片")
    english = set(re.findall(r"[A-Za-z]{3,}", page.locator("#given").inner_text()))
    # The sentence is Gradio's own, and is only read aloud.
    allowed = "zip png blorple Drop CSV TSV files here import data into dataframe"
    assert english <= set(allowed.split())
    expect(page.locator("#captions").get_by_role("gridcell", name="a blorple")).to_have_count(4)
