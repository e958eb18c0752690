"""Studio: the one façade under the page and the command line. Requests in, pictures out, from any thread.

    studio = Studio(Path("checkpoints/emoji"))
    recipe = studio.recipe(prompt="a red apple", seed=7)
    for frame in studio.stream([recipe]): ...      # as it comes into being
    studio.slide(dataclasses.replace(recipe, code=code))      # one picture, ahead of all galleries

Beside a checkpoint's own files its folder may hold sliders.json (directions.py), words.json (words.py) and
prompts.json, a list of prompts worth trying, and upscaler.safetensors (upscaler.py).
"""

import dataclasses
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from dalle import runtime
from dalle.editing.editor import NO_FILES, Editor, Files, Reconstruction
from dalle.edits import Edit
from dalle.files import read_texts
from dalle.networks.upscaler import Upscaler
from dalle.pipeline import sliders
from dalle.pipeline.batches import SampleCoroutine
from dalle.pipeline.checkpoint import FILES, CheckpointError
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import Sampler
from dalle.pipeline.sliders import Slider
from dalle.prompts import suggestions
from dalle.prompts.vocabulary import Vocabulary
from dalle.recipe import Picture, Recipe
from dalle.serving.requests import Frame, Request
from dalle.serving.scheduler import Scheduler

T = TypeVar("T")


class Checkpoint:
    """A folder that `DALLE.save_pretrained` wrote, with what stands beside it."""

    def __init__(self, folder: Path, name: str = ""):
        """Raises CheckpointError where anything in the folder is missing, foreign or damaged.

        Without a name it is called as its folder is.
        """
        self.folder, self.name = folder, name or folder.resolve().name
        self.model = DALLE.from_pretrained(folder, runtime.inference_dtype()).to(runtime.device())
        self.painter = Sampler(self.model)
        self.card = _card(folder / "README.md")
        try:
            self.prompts = read_texts(folder / "prompts.json")
            self.words = Vocabulary(read_texts(folder / "words.json"), self.model.embed)
            self.sliders = sliders.load(folder / "sliders.json", self.model.config.flow.code)
            upscaler = Upscaler.load(folder, self.model.dtype)
        except ValueError as error:
            raise CheckpointError(str(error)) from error
        self.editor = Editor(self.painter, upscaler and upscaler.to(self.model.device))


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

    def draw_now(self, recipe: Recipe) -> Picture:
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

    # --- editing

    @property
    def upscaler(self) -> str:
        """What enlarges here: the upscaler's digest, or "lanczos" where the checkpoint has none."""
        return self._checkpoint.editor.enlarged_by

    def open(self, content: bytes, prompt: str = "") -> Picture:
        """The picture of a file, to be edited; `prompt` says what it shows. Raises ImageError."""
        return self._end(self._checkpoint.editor.opened(content, prompt))

    def see(self, picture: Picture) -> Reconstruction:
        """The picture through the model and back."""
        return self._end(self._checkpoint.editor.seen(picture))

    def code(self, picture: Picture) -> tuple[float, ...]:
        """The numbers at which the sliders stand for any picture, as the model reads it."""
        return self._checkpoint.editor.code(picture)

    def bend(self, picture: Picture, edit: Edit) -> Picture:
        """One edit as soon as can be: it waits for galleries as `slide` does."""
        return self._end(self._checkpoint.editor.edited(picture, [edit]), urgent=True)[0]

    def edit(
        self,
        picture: Picture,
        edits: Sequence[Edit],
        cancel: threading.Event | None = None,
        files: Files = NO_FILES,
    ) -> Iterator[Frame]:
        """What edits of one kind make of a picture, while you watch: frames as those of `stream`.

        Raises Busy, and ValueError for what cannot be done.
        """
        made = yield from self._stages(self._checkpoint.editor.edited(picture, edits, files), cancel)
        if made is not None:
            yield _finished(made)

    def replay(
        self, recipe: Recipe, cancel: threading.Event | None = None, files: Files = NO_FILES
    ) -> Iterator[Frame]:
        """The picture of a recipe with edits, while you watch.

        Raises NeedsFile for one that began as a file which is not in `files`.
        """
        made = yield from self._stages(self._checkpoint.editor.replayed(recipe, files), cancel)
        if made is not None:
            yield _finished([made])

    def _end(self, steps: SampleCoroutine[T], urgent: bool = False) -> T:
        """What the stages of an edit come to, without a look at the pictures on the way."""
        frames = self._stages(steps, None, urgent, previews=False)
        while True:
            try:
                next(frames)
            except StopIteration as end:
                return end.value

    def _stages(
        self,
        steps: SampleCoroutine[T],
        cancel: threading.Event | None,
        urgent: bool = False,
        previews: bool = True,
    ) -> Generator[Frame, None, T | None]:
        """Frames of all stages, none of them `done`; -> what they come to, None where they were stopped."""
        answer: list[Image.Image] | None = None
        try:
            while True:
                stage = steps.send(answer)
                request = Request(
                    stage.painter, stage.drawings, cancel, previews and stage.painted, urgent, stage.painted
                )
                last = None
                for last in self._scheduler.follow(request):
                    if not last.done:
                        yield last
                if last is None or not last.done:
                    return None
                answer = [picture.image for picture in last.finished]
        except StopIteration as end:
            return end.value

    # --- help with words

    def read(self, prompt: str) -> str:
        """The prompt as the model is told it: a strange name in it may be read as one that it knows."""
        return self._checkpoint.model.glossary.read(prompt)

    def unknown_words(self, rewritten: str) -> list[tuple[str, str]]:
        """The first few words of a text as read that training never had, each with the nearest it had."""
        return self._checkpoint.words.unknown(rewritten)

    def too_long(self, prompt: str) -> str:
        """The end of the prompt that is not read; empty where all is."""
        return self._checkpoint.model.tokenizer.overflow(prompt)

    def surprise(self, seed: int) -> str:
        """A prompt worth trying, the same for the same seed."""
        return suggestions.random_prompt(seed, self._checkpoint.prompts)


def _finished(pictures: list[Picture]) -> Frame:
    return Frame(1, 1, 0.0, 0, pictures, True, pictures)


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
        raise ValueError(f"a recipe with edits is replayed, not drawn; this one has {len(recipe.edits)}")
    return dataclasses.replace(recipe, checkpoint=model.digest)


def _card(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).strip()
