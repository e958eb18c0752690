"""Load test of the page: latency of a slider in a browser, alone, and of drawing under 16 clients.

`python -m dalle bench page` starts the app in a process of its own. Needs the packages of
requirements-dev.txt, and chromium.
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
from dalle.recipe import CODE_SIZE, Picture, Recipe, load_png
from dalle.serving.studio import Studio

REPOSITORY = Path(__file__).resolve().parents[2]
SLIDER_MOVES, WARMUP_MOVES = 100, 5
CLIENTS, TEST_SECONDS = 16, 60
GALLERY = 4  # pictures that a client draws at once
SLIDES = 4  # slider moves of a client after each gallery
MATCH_PSNR = 35  # dB from which two images are the same picture
CLIENT_PROMPTS = ("a red apple", "a dog", "three cats", "a house on a blue background")
CHROMIUM_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking")


@contextmanager
def run_app(checkpoint: Path) -> Iterator[str]:
    """Run the app in a process of its own; yields its URL. Raises RuntimeError if it does not start."""
    command = [sys.executable, "app.py", "--checkpoint", str(checkpoint.resolve()), "--host", "127.0.0.1"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = (re.search(r"Running on local URL.*?(http\S+)", line) for line in process.stdout or ())
            url = next((match[1] for match in lines if match), None)
            if url is None:
                raise RuntimeError("the app did not start; run `python app.py` to see why")
            yield url
        finally:
            process.terminate()


def measure_page(checkpoint: Path) -> dict[str, float]:
    """Metrics of `measure_slider_latency` and `measure_load` for an app with this checkpoint."""
    with run_app(checkpoint) as url:
        return measure_slider_latency(url) | measure_load(url, checkpoint)


# --- one client, in a browser

# Milliseconds from the input event of a slider to the frame after its picture is decoded.
MOVE_SLIDER_JS = """async (range, value) => {
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


def measure_slider_latency(url: str) -> dict[str, float]:
    """Median and 95th percentile of the milliseconds from a slider move to its picture, of SLIDER_MOVES."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise RuntimeError("a browser is needed: install chromium (Debian: apt-get install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000}, locale="en-US")
        page.goto(url)
        page.get_by_role("textbox", name="Prompt").fill(CLIENT_PROMPTS[0])
        page.keyboard.press("Enter")
        page.wait_for_selector("#picture img", timeout=60_000)
        page.wait_for_selector("#stop", state="hidden", timeout=60_000)
        first = page.locator("#bench input[type=range]").first
        values = 2 * np.sin(np.arange(1, WARMUP_MOVES + SLIDER_MOVES + 1))  # all different
        latencies = [first.evaluate(MOVE_SLIDER_JS, f"{value:.2f}") for value in values]
        browser.close()
    median, slow = np.percentile(latencies[WARMUP_MOVES:], (50, 95))
    return {"slider_median_ms": float(median), "slider_95th_ms": float(slow)}


# --- many clients, by the API


def measure_load(url: str, checkpoint: Path) -> dict[str, float]:
    """CLIENTS draw galleries and move sliders for TEST_SECONDS.

    Counts requests, errors and mixed-up pictures; medians of the milliseconds of a request.
    """
    end = time.monotonic() + TEST_SECONDS
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [_Client(number, url, Path(folder)) for number in range(CLIENTS)]
        list(pool.map(lambda client: client.run(end), clients))
        pictures = [picture for client in clients for picture in client.pictures]
        sample = pictures[:: len(pictures) // 32 or 1]
        mixed_up = sum(client.mismatches for client in clients) + _count_mismatches(sample, checkpoint)
    slides = [seconds for client in clients for seconds in client.slide_seconds]
    galleries = [seconds for client in clients for seconds in client.gallery_seconds]
    return {
        "visitors": CLIENTS,
        "galleries_of_four": len(galleries),
        "slides": len(slides),
        "errors": sum(client.errors for client in clients),
        "mixed_up": mixed_up,
        "crowd_gallery_median_ms": 1000 * float(np.median(galleries)),
        "crowd_slider_median_ms": 1000 * float(np.median(slides)),
        "crowd_slider_95th_ms": 1000 * float(np.percentile(slides, 95)),
    }


class _Client:
    """Draws a gallery, moves sliders a few times, and draws the next, with its own prompt and seeds."""

    def __init__(self, number: int, url: str, folder: Path) -> None:
        from gradio_client import Client  # imported late: the import uses Python's global random state

        self.number = number
        self.api = Client(url, verbose=False, download_files=folder)
        self.pictures: list[Picture] = []
        self.slide_seconds: list[float] = []
        self.gallery_seconds: list[float] = []
        self.errors = self.mismatches = 0  # mismatches: pictures with another recipe than was requested

    def run(self, end: float) -> None:
        """Send requests until `end`, by time.monotonic()."""
        seed = 1000 * self.number
        while time.monotonic() < end:
            seed += GALLERY
            try:
                self._draw(CLIENT_PROMPTS[self.number % len(CLIENT_PROMPTS)], seed)
            except (OSError, ValueError):  # the queue is full, the connection broke, or a file is damaged
                self.errors += 1

    def _draw(self, prompt: str, seed: int) -> None:
        start = time.monotonic()
        files = self.api.predict(prompt, count=GALLERY, seed=seed, api_name="/draw")
        self.gallery_seconds.append(time.monotonic() - start)
        recipes = self._load(files)
        expected = [(prompt, seed + i) for i in range(GALLERY)]
        self.mismatches += [(recipe.prompt, recipe.seed) for recipe in recipes] != expected
        for index in range(SLIDES):
            code = [0.0] * CODE_SIZE
            code[index] = seed % 7 - 3.0
            start = time.monotonic()
            file = self.api.predict(recipes[0].to_dict(), code, api_name="/slide")
            self.slide_seconds.append(time.monotonic() - start)
            (recipe,) = self._load([file])
            self.mismatches += (recipe.prompt, recipe.seed, recipe.code) != (prompt, seed, tuple(code))

    def _load(self, files: list[str]) -> list[Recipe]:
        recipes = [load_png(file) for file in files]
        self.pictures += [Picture(images.read(file), r) for file, r in zip(files, recipes, strict=True)]
        return recipes


def _count_mismatches(pictures: list[Picture], checkpoint: Path) -> int:
    """How many pictures differ from what their recipes give when drawn alone.

    In bf16 the rounding depends on the batch size, which leaves some 40 dB on a CPU with AMX; another picture
    is below 20 dB.
    """
    with Studio(checkpoint) as studio:
        alone = [studio.draw_now(picture.recipe).image for picture in pictures]
    psnr = images.psnr(images.from_images(alone), images.from_images([p.image for p in pictures]))
    return int((psnr < MATCH_PSNR).sum())
