"""Stands in for a studio, so that the page is tested without a model: plain colours, at once or when told."""

import colorsys
import dataclasses
import random
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from dalle.pipeline.sliders import Slider, unnamed
from dalle.recipe import CODE, Picture, Recipe
from dalle.serving.requests import Frame, QueueFull

SIZE = 32
NAMED = Slider(  # first, though it moves the fourth number
    3, {"en": "size", "zh": "大小"}, {"en": 'sm"all', "zh": "小"}, {"en": "</style>large", "zh": "大"}
)


class Sketch:
    """The methods of Studio; a picture's colour depends on all of its recipe."""

    model_name, digest, card = (
        "sketch",
        "0123456789ab",
        "# A card\n\nWhat it draws.\n\n![sheet](sheet.webp)\n",
    )
    folder = Path("nowhere")
    sliders = (NAMED, *(unnamed(index) for index in range(CODE) if index != NAMED.index))

    def __init__(self) -> None:
        self.free = threading.Event()  # clear it, and drawings wait after their first preview
        self.free.set()
        self.full = False  # as if too many were waiting
        self.slid: list[Recipe] = []

    def recipe(self, **fields: object) -> Recipe:
        return Recipe(**{"checkpoint": self.digest, "size": SIZE} | fields)

    def codes(self, recipe: Recipe) -> tuple[float, ...]:
        chance = random.Random(recipe.seed)
        return recipe.code or tuple(chance.gauss(0, 1) for _ in range(CODE))

    def stream(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None = None, previews: bool = True
    ) -> Iterator[Frame]:
        if self.full:
            raise QueueFull(64)
        pictures = [self._picture(recipe) for recipe in recipes]
        yield Frame(0, 2, None, 0, [], False, [])
        yield Frame(1, 2, 3.2, 0, pictures, False, [])
        while not self.free.wait(0.01):
            if cancel is not None and cancel.is_set():
                return
        yield Frame(2, 2, 0.0, 0, pictures, True, pictures)

    def draw(self, recipes: Sequence[Recipe], urgent: bool = False) -> list[Picture]:
        if self.full:
            raise QueueFull(64)
        return [self._picture(recipe) for recipe in recipes]

    def slide(self, recipe: Recipe) -> Picture:
        self.slid.append(recipe)
        return self.draw([recipe], urgent=True)[0]

    def read(self, prompt: str) -> str:
        return prompt.replace("<apfel>", "<apple>")

    def unknown_words(self, prompt: str) -> list[tuple[str, str]]:
        return [(word, "lamp") for word in prompt.split() if word == "<gizmo>"]

    def too_long(self, prompt: str) -> str:
        return prompt[100:]

    def surprise(self, seed: int) -> str:
        return f"a surprise {seed % 7}"

    def _picture(self, recipe: Recipe) -> Picture:
        if recipe.edits or recipe.size != SIZE or recipe.checkpoint not in ("", self.digest):
            raise ValueError(f"not to be drawn here: {recipe}")
        recipe = dataclasses.replace(recipe, checkpoint=self.digest)
        code = self.codes(recipe)
        hue = zlib.crc32(repr(dataclasses.replace(recipe, code=code)).encode()) / 2**32
        colour = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.6, 0.9))
        return Picture(Image.new("RGB", (SIZE, SIZE), colour), recipe)
