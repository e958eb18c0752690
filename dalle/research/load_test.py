"""What visitors of the page wait for: `python -m dalle bench page`, in a real browser, and in a crowd of 16.

The app is started as a person would start it. Needs what requirements-dev.txt lists, and chromium.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dalle import images
from dalle.recipe import Picture, Recipe, load_png
from dalle.serving.studio import Studio

ROOT = Path(__file__).resolve().parents[2]
MOVES = 100  # of a slider
VISITORS, SECONDS = 16, 60
LIKE = 35  # dB from which two pictures are one
PROMPTS = ("a red apple", "a dog", "three cats", "a house on a blue background")
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking")


@contextmanager
def serving(checkpoint: Path) -> Iterator[str]:
    """The app in a process of its own; gives its address."""
    command = [sys.executable, "app.py", "--checkpoint", str(checkpoint.resolve()), "--host", "127.0.0.1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next((line for line in process.stdout if "Running on local URL" in line), None)
            if line is None:
                raise RuntimeError("the app did not start; run `python app.py` to see why")
            yield re.search(r"http\S+", line)[0]
        finally:
            process.terminate()


def page(checkpoint: Path) -> dict[str, float]:
    """Milliseconds from a slider to its picture with nobody else there, then what a crowd waits for."""
    with serving(checkpoint) as address:
        return slider(address) | crowd(address, checkpoint)


# --- one visitor, in a browser

# From the moment a slider moves to the frame after its picture was decoded.
MOVE = """async (range, value) => {
    const picture = document.querySelector("#picture");
    const shown = picture.querySelector("img").src;
    const start = performance.now();
    range.value = value;
    range.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done, failed) => {
        const late = setTimeout(() => failed(new Error("no picture came within ten seconds")), 10000);
        new MutationObserver((_, observer) => {
            if ((picture.querySelector("img")?.src ?? shown) === shown) return;
            clearTimeout(late);
            observer.disconnect();
            done();
        }).observe(picture, { attributes: true, childList: true, subtree: true });
    });
    await picture.querySelector("img").decode();
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def slider(address: str) -> dict[str, float]:
    """Milliseconds from slider to picture, at the median and the 95th percentile of MOVES."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("a browser is needed: install chromium (Debian: apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        visit = browser.new_page(viewport={"width": 1440, "height": 1000}, locale="en-US")
        visit.goto(address)
        visit.get_by_role("textbox", name="Prompt").fill(PROMPTS[0])
        visit.keyboard.press("Enter")
        visit.wait_for_selector("#picture img", timeout=60_000)
        visit.wait_for_selector("#stop", state="hidden", timeout=60_000)
        first = visit.locator("#bench input[type=range]").first
        values = 2 * np.sin(np.arange(1, MOVES + 6))  # never the same twice
        took = [first.evaluate(MOVE, f"{value:.2f}") for value in values][5:]  # the first ones warm up
        browser.close()
    median, late = np.percentile(took, (50, 95))
    return {"slider_median_ms": float(median), "slider_95th_ms": float(late)}


# --- many visitors, as programs


def crowd(address: str, checkpoint: Path) -> dict[str, float]:
    """VISITORS draw and slide for SECONDS. Counts errors, and pictures that are not what was asked for."""
    end = time.monotonic() + SECONDS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(VISITORS) as pool:
        visitors = [_Visitor(number, address, Path(folder)) for number in range(VISITORS)]
        list(pool.map(lambda visitor: visitor.stay(end), visitors))
        pictures = [picture for visitor in visitors for picture in visitor.pictures]
        checked = pictures[:: len(pictures) // 32 or 1]
        strange = sum(visitor.strange for visitor in visitors) + _unlike(checked, checkpoint)
    slides = [seconds for visitor in visitors for seconds in visitor.slides]
    galleries = [seconds for visitor in visitors for seconds in visitor.galleries]
    return {
        "visitors": VISITORS,
        "galleries_of_four": len(galleries),
        "slides": len(slides),
        "errors": sum(visitor.errors for visitor in visitors),
        "mixed_up": strange,
        "crowd_gallery_median_ms": 1000 * float(np.median(galleries)),
        "crowd_slider_median_ms": 1000 * float(np.median(slides)),
        "crowd_slider_95th_ms": 1000 * float(np.percentile(slides, 95)),
    }


class _Visitor:
    """Draws a gallery, slides a few times, and draws the next."""

    def __init__(self, number: int, address: str, folder: Path):
        from gradio_client import Client  # imported late: the import uses Python's global random state

        self.number, self.folder = number, folder
        self.client = Client(address, verbose=False, download_files=folder)
        self.pictures: list[Picture] = []
        self.slides: list[float] = []
        self.galleries: list[float] = []
        self.errors = self.strange = 0

    def stay(self, end: float) -> None:
        seed = 1000 * self.number
        while time.monotonic() < end:
            seed += 4
            try:
                self._draw(PROMPTS[self.number % len(PROMPTS)], seed)
            except (OSError, ValueError):  # Busy, a connection that breaks, a file that is none
                self.errors += 1

    def _draw(self, prompt: str, seed: int) -> None:
        start = time.monotonic()
        files = self.client.predict(prompt, count=4, seed=seed, api_name="/draw")
        self.galleries.append(time.monotonic() - start)
        recipes = self._read(files)
        self.strange += [(r.prompt, r.seed) for r in recipes] != [(prompt, seed + i) for i in range(4)]
        for step in range(4):
            code = [0.0] * 20
            code[step] = seed % 7 - 3.0  # one slider is moved, as a person would
            start = time.monotonic()
            file = self.client.predict(recipes[0].to_dict(), code, api_name="/slide")
            self.slides.append(time.monotonic() - start)
            (slid,) = self._read([file])
            self.strange += (slid.prompt, slid.seed, list(slid.code)) != (prompt, seed, code)

    def _read(self, files: list[str]) -> list[Recipe]:
        recipes = [load_png(file) for file in files]
        self.pictures += [Picture(images.read(file), r) for file, r in zip(files, recipes, strict=True)]
        return recipes


def _unlike(pictures: list[Picture], checkpoint: Path) -> int:
    """How many of the pictures are not those that their recipes draw alone.

    In bf16 a batch of another size may round otherwise, to some 40 dB on a CPU with AMX; what is another
    picture lies below 20.
    """
    with Studio(checkpoint) as studio:
        alone = [studio.draw_now(picture.recipe).image for picture in pictures]
    gaps = images.psnr(images.from_images(alone), images.from_images([p.image for p in pictures]))
    return int((gaps < LIKE).sum())
