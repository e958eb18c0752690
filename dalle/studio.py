"""Studio: the one façade under the page and the command line. Requests in, pictures out, from any thread.

    studio = Studio(Path("checkpoints/emoji"))
    recipe = studio.recipe(prompt="a red apple", seed=7)
    for frame in studio.stream([recipe]): ...      # as it comes into being
    studio.slide(dataclasses.replace(recipe, code=code))      # one picture, ahead of all galleries

Beside a checkpoint's own files its folder may hold sliders.json (directions.py), words.json (words.py) and
prompts.json, a list of prompts worth trying.
"""

import dataclasses
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dalle import directions, prompts, runtime
from dalle.directions import Slider
from dalle.files import read_texts
from dalle.model import DALLE, FILES, CheckpointError
from dalle.recipe import Picture, Recipe
from dalle.scheduler import Busy, Frame, Painter, Request, Scheduler
from dalle.words import Words

__all__ = ["Busy", "Checkpoint", "Frame", "Slider", "Studio"]

READ_AT_ONCE = 256  # words


class Checkpoint:
    """A folder that `DALLE.save_pretrained` wrote, with what stands beside it."""

    def __init__(self, folder: Path, name: str = ""):
        """Raises CheckpointError where anything in the folder is missing, foreign or damaged.

        Without a name it is called as its folder is.
        """
        self.folder, self.name = folder, name or folder.resolve().name
        self.model = DALLE.from_pretrained(folder, runtime.inference_dtype()).to(runtime.device())
        self.painter = Painter(self.model)
        self.card = _card(folder / "README.md")
        try:
            self.prompts = read_texts(folder / "prompts.json")
            self.words = Words(read_texts(folder / "words.json"), self._embed)
            self.sliders = directions.load(folder / "sliders.json", self.model.config.flow.code)
        except ValueError as error:
            raise CheckpointError(str(error)) from error

    @torch.inference_mode()
    def _embed(self, texts: Sequence[str]) -> Tensor:
        """B texts -> unit vectors (B, E)."""
        text = self.model.text
        starts = range(0, len(texts), READ_AT_ONCE)
        return torch.cat([text.embedding(self.model.read(texts[at : at + READ_AT_ONCE])) for at in starts])


class Studio:
    """Draws with one checkpoint at a time, for many visitors at once; its thread lives until `close`.

    `max_waiting` requests may wait for their turn; one more raises Busy.
    """

    def __init__(self, folder: str | Path = Path("checkpoints/emoji"), *, max_waiting: int = 64):
        self._home = Path(folder).resolve().parent
        self._checkpoint = Checkpoint(Path(folder))
        self._scheduler = Scheduler(max_waiting)

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop within one step; requests that still run raise RuntimeError."""
        self._scheduler.close()

    # --- the checkpoint in use

    @property
    def model_name(self) -> str:
        return self._checkpoint.name

    @property
    def folder(self) -> Path:
        return self._checkpoint.folder

    @property
    def digest(self) -> str:
        return self._checkpoint.model.digest

    @property
    def card(self) -> str:
        """The model card in Markdown, without its front matter: what it can draw, credits."""
        return self._checkpoint.card

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """One for each number of the code, the most telling first."""
        return self._checkpoint.sliders

    def checkpoints(self) -> list[str]:
        """Names of the checkpoints that `choose` takes: the folders beside the one in use."""
        return sorted(
            folder.name
            for folder in self._home.iterdir()
            if not folder.name.startswith(".") and all((folder / file).is_file() for file in FILES)
        )

    def choose(self, name: str) -> None:
        """Draw with another checkpoint from now on, for everybody; what is running ends as it began.

        Raises ValueError for a name that is not among `checkpoints()`, CheckpointError where it is damaged.
        """
        if name not in self.checkpoints():
            raise ValueError(f"no checkpoint {name!r}; there are {', '.join(self.checkpoints())}")
        self.use(self._home / name)

    def use(self, folder: Path, name: str = "") -> None:
        """The same with a checkpoint that lies elsewhere, under a name of one's own."""
        self._checkpoint = Checkpoint(folder, name)

    # --- drawing

    def recipe(self, **fields: object) -> Recipe:
        """A recipe for the checkpoint in use; `fields` are those of Recipe."""
        model = self._checkpoint.model
        return Recipe(**{"checkpoint": model.digest, "size": model.config.image_size} | fields)

    def codes(self, recipe: Recipe) -> tuple[float, ...]:
        """The numbers at which the sliders stand for this recipe."""
        return self._checkpoint.model.codes([recipe])[0]

    def stream(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None = None, previews: bool = True
    ) -> Iterator[Frame]:
        """Draw while you watch: the newest frame whenever there is a new one; the last is `done`.

        Nothing happens before the first `next`. Setting `cancel` from any thread, or closing the iterator,
        stops the drawing within one step; the frames then end without a `done` one. Raises Busy where too
        many wait, ValueError for recipes that this checkpoint cannot draw.
        """
        yield from self._scheduler.follow(self._request(recipes, cancel, previews, urgent=False))

    def draw(self, recipes: Sequence[Recipe], urgent: bool = False) -> list[Picture]:
        """Wait for the pictures of recipes, in order; urgent ones go ahead of all that are not."""
        *_, last = self._scheduler.follow(self._request(recipes, None, previews=False, urgent=urgent))
        return last.pictures

    def slide(self, recipe: Recipe) -> Picture:
        """One picture as soon as can be: it waits for at most one step of others' galleries."""
        return self.draw([recipe], urgent=True)[0]

    def _request(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None, previews: bool, urgent: bool
    ) -> Request:
        if not recipes:
            raise ValueError("nothing to draw: give at least one recipe")
        checkpoint = self._checkpoint
        ready = [_ready(recipe, checkpoint.model) for recipe in recipes]
        return Request(checkpoint.painter, ready, cancel, previews, urgent)

    # --- help with words

    def unknown_words(self, prompt: str) -> list[tuple[str, str]]:
        """The first few words of the prompt that training never had, each with the nearest that it had."""
        return self._checkpoint.words.unknown(prompt)

    def too_long(self, prompt: str) -> str:
        """The end of the prompt that is not read; empty where all is."""
        return self._checkpoint.model.tokenizer.overflow(prompt)

    def surprise(self, seed: int) -> str:
        """A prompt worth trying, the same for the same seed."""
        return prompts.surprise(seed, self._checkpoint.prompts)


def _ready(recipe: Recipe, model: DALLE) -> Recipe:
    """The recipe, naming the checkpoint that draws it; ValueError where this one cannot."""
    if recipe.checkpoint not in ("", model.digest):
        raise ValueError(
            f"the recipe is for checkpoint {recipe.checkpoint} and would give another picture with "
            f"{model.digest}, which is in use; choose that checkpoint, or set the recipe's to this one"
        )
    if recipe.size != model.config.image_size:
        raise ValueError(f"this checkpoint draws at size {model.config.image_size}; got {recipe.size}")
    if recipe.edits:
        raise ValueError(f"a recipe with edits cannot be drawn; this one has {len(recipe.edits)}")
    return dataclasses.replace(recipe, checkpoint=model.digest)


def _card(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).strip()
