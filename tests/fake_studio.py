"""A stand-in for Studio, so that the page is tested without a model: it draws plain colours at once."""

import colorsys
import dataclasses
import random
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from dalle.pipeline.sliders import Slider, unnamed_slider
from dalle.prompts.draft import Kind, Note, Reading
from dalle.recipe import CODE_SIZE, Picture, Recipe, check_text
from dalle.serving.requests import Frame, QueueFull

SIZE = 32
READ = {  # word of a prompt -> how it is read
    "<apfel>": (Kind.LANGUAGE, "<apple>"),
    "crimson": (Kind.COLOUR, "red"),
    "no hat": (Kind.NEGATION, "a hat"),
    "please": (Kind.WRAPPING, ""),
    "<gizmo>": (Kind.UNKNOWN, ""),
}
NAMED_SLIDER = Slider(  # shown first, though it moves the fourth number of the code
    3, {"en": "size", "zh": "大小"}, {"en": 'sm"all', "zh": "小"}, {"en": "</style>large", "zh": "大"}
)


class FakeStudio:
    """The methods of Studio that the Create tab calls. A picture's colour is a hash of its recipe."""

    model_name = "fake"
    digest = "0123456789ab"
    card = "# A card\n\nWhat it draws.\n\n![sheet](sheet.webp)\n"
    folder = Path("nowhere")
    sliders = (
        NAMED_SLIDER,
        *(unnamed_slider(index) for index in range(CODE_SIZE) if index != NAMED_SLIDER.index),
    )

    def __init__(self) -> None:
        self.may_finish = threading.Event()  # while cleared, streams wait after their first preview
        self.may_finish.set()
        self.queue_is_full = False
        self.drawn_now: list[Recipe] = []

    def recipe(self, **fields: object) -> Recipe:
        return Recipe(**{"checkpoint": self.digest, "size": SIZE} | fields)

    def code_of_recipe(self, recipe: Recipe) -> tuple[float, ...]:
        rng = random.Random(recipe.seed)
        return recipe.code or tuple(rng.gauss(0, 1) for _ in range(CODE_SIZE))

    def stream(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None = None, previews: bool = True
    ) -> Iterator[Frame]:
        pictures = self.draw(recipes)
        yield Frame(0, 2, None, 0, [], False, [])
        yield Frame(1, 2, 3.2, 0, pictures, False, [])
        while not self.may_finish.wait(0.01):
            if cancel is not None and cancel.is_set():
                return
        yield Frame(2, 2, 0.0, 0, pictures, True, pictures)

    def draw(self, recipes: Sequence[Recipe], priority: bool = False) -> list[Picture]:
        if self.queue_is_full:
            raise QueueFull(64)
        return [self._draw(recipe) for recipe in recipes]

    def draw_now(self, recipe: Recipe) -> Picture:
        self.drawn_now.append(recipe)
        return self.draw([recipe], priority=True)[0]

    def read(self, prompt: str) -> Reading:
        check_text("prompt", prompt)
        notes = [
            Note(kind, at, at + len(word), word, target)
            for word, (kind, target) in READ.items()
            if (at := prompt.find(word)) >= 0
        ]
        text = prompt
        for note in notes:
            if note.kind is not Kind.UNKNOWN:
                text = text.replace(note.source, "" if note.kind is Kind.NEGATION else note.target)
        negative = ", ".join(note.target for note in notes if note.kind is Kind.NEGATION)
        others = ("a <cup>", "a shop") if "bar" in prompt else ()
        return Reading(prompt, " ".join(text.split()), negative, None, tuple(notes), others)

    def truncated_end(self, reading: Reading) -> str:
        return reading.text[100:]

    def random_prompt(self, seed: int) -> str:
        return f"a surprise {seed % 7}"

    def _draw(self, recipe: Recipe) -> Picture:
        if recipe.edits or recipe.size != SIZE or recipe.checkpoint not in ("", self.digest):
            raise ValueError(f"not to be drawn here: {recipe}")
        recipe = dataclasses.replace(recipe, checkpoint=self.digest)
        code = self.code_of_recipe(recipe)
        hue = zlib.crc32(repr(dataclasses.replace(recipe, code=code)).encode()) / 2**32
        colour = tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(hue, 0.6, 0.9))
        return Picture(Image.new("RGB", (SIZE, SIZE), colour), recipe)
