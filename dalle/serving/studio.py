"""Studio: façade of the page and the HTTP API. Thread-safe; draws with one checkpoint at a time.

studio = Studio(Path("checkpoints/emoji"))
recipe = studio.recipe(prompt="a red apple", seed=7)
for frame in studio.stream([recipe]): ...                  # previews, then the finished picture
studio.draw_now(dataclasses.replace(recipe, code=code))    # one picture, ahead of all galleries
"""

import dataclasses
import re
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dalle import runtime
from dalle.editing.editor import NO_FILES, Editor, FilesByDigest, ReconstructedPicture
from dalle.edits import Edit
from dalle.networks.model import DALLEModel
from dalle.pipeline.checkpoint import REQUIRED_FILES
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sampler import SampleCoroutine
from dalle.pipeline.sliders import Slider
from dalle.prompts import suggestions
from dalle.prompts.draft import Reading
from dalle.recipe import Picture, Recipe
from dalle.serving.requests import Frame, GenerationRequest
from dalle.serving.scheduler import Scheduler

T = TypeVar("T")


class _LoadedCheckpoint(NamedTuple):
    """A checkpoint with what draws and edits with it."""

    folder: Path
    name: str
    pipeline: DALLE
    editor: Editor

    @classmethod
    def load(cls, folder: Path, name: str = "") -> "_LoadedCheckpoint":
        """Raises CheckpointError where anything in the folder is missing, foreign or damaged.

        Without a name it is called as its folder is.
        """
        pipeline = DALLE.from_pretrained(folder, runtime.inference_dtype()).to(runtime.device())
        editor = Editor(pipeline.make_sampler(), pipeline.upscaler)
        return cls(folder, name or folder.resolve().name, pipeline, editor)


class Studio:
    """Draws and edits for many clients at once; its drawing thread lives until `close`.

    At most `max_waiting` requests wait for their turn; one more raises QueueFull.
    """

    def __init__(self, folder: str | Path = Path("checkpoints/emoji"), *, max_waiting: int = 64):
        self._home = Path(folder).resolve().parent
        self._checkpoint = _LoadedCheckpoint.load(Path(folder))
        self._scheduler = Scheduler(max_waiting)

    def __enter__(self) -> "Studio":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop within one step; requests that are still running raise RuntimeError."""
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
        return self._checkpoint.pipeline.model.digest

    @property
    def card(self) -> str:
        """The model card in Markdown, without its front matter."""
        return re.sub(r"\A---\n.*?\n---\n", "", self._checkpoint.pipeline.card, flags=re.DOTALL).strip()

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """One slider for each number of the code, ordered by how much it changes pictures."""
        return self._checkpoint.pipeline.sliders

    def checkpoints(self) -> list[str]:
        """Names that `select_checkpoint` takes: the checkpoint folders beside the one in use."""
        return sorted(
            folder.name
            for folder in self._home.iterdir()
            if not folder.name.startswith(".") and all((folder / file).is_file() for file in REQUIRED_FILES)
        )

    def select_checkpoint(self, name: str) -> None:
        """Draw with another checkpoint from now on, for all clients; running requests keep theirs.

        Raises ValueError for a name that `checkpoints()` does not list, CheckpointError for a damaged one.
        """
        if name not in self.checkpoints():
            raise ValueError(f"no checkpoint {name!r}; there are {', '.join(self.checkpoints())}")
        self.load_checkpoint(self._home / name)

    def load_checkpoint(self, folder: Path, name: str = "") -> None:
        """The same with a checkpoint in any other folder, shown as `name`."""
        self._checkpoint = _LoadedCheckpoint.load(folder, name)

    # --- drawing

    def recipe(self, **fields: Any) -> Recipe:
        """A Recipe for the checkpoint in use; `fields` are those of Recipe."""
        model = self._checkpoint.pipeline.model
        return Recipe(**{"checkpoint": model.digest, "size": model.config.image_size} | fields)

    def code_of_recipe(self, recipe: Recipe) -> tuple[float, ...]:
        """The code (K numbers) of the recipe: its own, or the one that its seed gives."""
        pipeline = self._checkpoint.pipeline
        return initial_codes([recipe], pipeline.model.config, pipeline.reader)[0]

    def stream(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None = None, previews: bool = True
    ) -> Iterator[Frame]:
        """Draw recipes; yields a frame at each change, the last with `done`.

        Nothing happens before the first `next`. Setting `cancel` from any thread, or closing the iterator,
        stops the drawing within one step; the frames then end without a `done` one. Raises QueueFull,
        ValueError for recipes that this checkpoint cannot draw.
        """
        yield from self._scheduler.follow(self._request(recipes, cancel, previews, priority=False))

    def draw(self, recipes: Sequence[Recipe], priority: bool = False) -> list[Picture]:
        """Pictures of the recipes, in order; with `priority` ahead of requests without it."""
        *_, last = self._scheduler.follow(self._request(recipes, None, previews=False, priority=priority))
        return last.pictures

    def draw_now(self, recipe: Recipe) -> Picture:
        """One picture with priority: it waits for at most one step of other requests.

        For none where it was drawn alone lately, with any camera: then it is only seen anew.
        """
        checkpoint = self._checkpoint
        ready = _validated(recipe, checkpoint.pipeline.model)
        image = checkpoint.editor.sampler.plain_pictures.view(ready)
        return self.draw([ready], priority=True)[0] if image is None else Picture(image, ready)

    def _request(
        self, recipes: Sequence[Recipe], cancel: threading.Event | None, previews: bool, priority: bool
    ) -> GenerationRequest:
        if not recipes:
            raise ValueError("nothing to draw: give at least one recipe")
        checkpoint = self._checkpoint
        ready = [_validated(recipe, checkpoint.pipeline.model) for recipe in recipes]
        return GenerationRequest(checkpoint.editor.sampler, ready, cancel, previews, priority)

    # --- editing

    @property
    def upscaler(self) -> str:
        """Digest of the checkpoint's upscaler, or "lanczos" where it has none."""
        return self._checkpoint.editor.upscaler_id

    def open_file(self, content: bytes, prompt: str = "") -> Picture:
        """The picture in an image file's `content`; `prompt` says what it shows. Raises ImageError."""
        return self._run_coroutine(self._checkpoint.editor.open_file(content, prompt))

    def reconstruct(self, picture: Picture) -> ReconstructedPicture:
        """The picture encoded and decoded by the model, with the PSNR between the two."""
        return self._run_coroutine(self._checkpoint.editor.reconstruct(picture))

    def code_of_picture(self, picture: Picture) -> tuple[float, ...]:
        """The code (K numbers) that the code encoder infers from a picture; known told numbers stay."""
        return self._run_coroutine(self._checkpoint.editor.infer_code(picture))

    def transfer_code(self, picture: Picture, other: Picture) -> tuple[float, ...]:
        """The learnt numbers that it infers from the other picture, with this one's camera and light."""
        return self._run_coroutine(self._checkpoint.editor.transfer_code(picture, other))

    def edit_now(self, picture: Picture, edit: Edit) -> Picture:
        """The result of one edit, with priority as in `draw_now`."""
        return self._run_coroutine(self._checkpoint.editor.apply(picture, [edit]), priority=True)[0]

    def edit(
        self,
        picture: Picture,
        edits: Sequence[Edit],
        cancel: threading.Event | None = None,
        files: FilesByDigest = NO_FILES,
    ) -> Iterator[Frame]:
        """Apply edits of one kind to a picture, one result each; yields frames as `stream` does.

        `files` holds images that a recipe began with, by digest. Raises QueueFull, ValueError for edits that
        cannot be made.
        """
        pictures = yield from self._stream_coroutine(
            self._checkpoint.editor.apply(picture, edits, files), cancel
        )
        if pictures is not None:
            yield _finished(pictures)

    def replay(
        self, recipe: Recipe, cancel: threading.Event | None = None, files: FilesByDigest = NO_FILES
    ) -> Iterator[Frame]:
        """Make the edits of a recipe again; yields frames as `stream` does.

        Raises MissingFileError for a recipe that began with a file which is not in `files`.
        """
        picture = yield from self._stream_coroutine(self._checkpoint.editor.replay(recipe, files), cancel)
        if picture is not None:
            yield _finished([picture])

    def _run_coroutine(self, coroutine: SampleCoroutine[T], priority: bool = False) -> T:
        """The result of an edit's coroutine, without previews."""
        frames = self._stream_coroutine(coroutine, None, priority, previews=False)
        while True:
            try:
                next(frames)
            except StopIteration as end:
                return end.value

    def _stream_coroutine(
        self,
        coroutine: SampleCoroutine[T],
        cancel: threading.Event | None,
        priority: bool = False,
        previews: bool = True,
    ) -> Generator[Frame, None, T | None]:
        """Run a coroutine's batches; yields frames (never `done`), returns its result, None if cancelled."""
        try:
            batch = next(coroutine)
            while True:
                request = GenerationRequest(
                    batch.sampler, batch.samples, cancel, previews and batch.decode, priority, batch.decode
                )
                last = None
                for last in self._scheduler.follow(request):
                    if not last.done:
                        yield last
                if last is None or not last.done:
                    return None
                batch = coroutine.send([picture.image for picture in last.finished])
        except StopIteration as end:
            return end.value

    # --- prompts

    def read(self, prompt: str) -> Reading:
        """What the model is told of a prompt. Raises InputError for one that is too long."""
        return self._checkpoint.pipeline.reader.read(prompt)

    def truncated_end(self, reading: Reading) -> str:
        """The end of what the model is told beyond the maximum length; empty if it takes in all."""
        return self._checkpoint.pipeline.model.tokenizer.overflow(reading.text)

    def random_prompt(self, seed: int) -> str:
        """An example prompt, the same for the same seed."""
        return suggestions.random_prompt(seed, self._checkpoint.pipeline.prompts)


def _finished(pictures: list[Picture]) -> Frame:
    return Frame(1, 1, 0.0, 0, pictures, True, pictures)


def _validated(recipe: Recipe, model: DALLEModel) -> Recipe:
    """The recipe with the digest of `model` filled in; raises ValueError if `model` cannot draw it."""
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
