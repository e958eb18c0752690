"""Editing: what can be done to a picture, each way a use of encode and decode.

    picture  --extractor-->  features  --some way to noise, under the old caption-->  x
    x        --back, under another caption, code or mask-->  features  --generator-->  picture

An edit is a generator of stages. A stage is a batch of drawings, which whoever runs it moves to their ends:
`run` here and now, the studio in turns with everything else that is being drawn.

    editor = Editor(Painter(model))
    pictures = run(editor.edited(picture, [Vary(0.4, seed) for seed in range(4)]))
"""

import dataclasses
import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from dalle import edits as kinds
from dalle import images, matting, runtime, seams
from dalle.edits import Blend, Change, CutOut, Edit, Enlarge, Extend, Open, Paint, Vary
from dalle.model import MAX_BATCH, Drawing
from dalle.painter import Painter
from dalle.recipe import Picture, Recipe, load_png
from dalle.sampling import Held, Walk, schedule, slerp, steered
from dalle.upscaler import Enlargement, Enlarger, Upscaler, check_size

INVERSION = 16  # steps from features to noise
LEAST_STEPS = 2
SAME = 45  # dB: the same picture to the eye
REMEMBERED = 64  # inversions: a slider's picture is inverted once

T = TypeVar("T")
Files = Mapping[str, Image.Image]  # by digest
NO_FILES: Files = MappingProxyType({})


class NeedsFile(ValueError):
    """A recipe that began with a file which is not at hand; `file` is its digest."""

    def __init__(self, file: str):
        super().__init__(
            f"this picture began as a file that only its owner has: open the one whose SHA-256 begins {file}"
        )
        self.file = file


@dataclass(frozen=True)
class Stage:
    """Drawings to be moved to their ends; the answer to it is their pictures, where they are `painted`."""

    painter: Any  # Painter or Enlarger
    drawings: Sequence[Any]
    painted: bool = True


Steps = Generator[Stage, list[Image.Image], T]


@dataclass(frozen=True)
class Seen:
    """A picture as the model sees it: encoded and decoded again."""

    fitted: Image.Image  # what was encoded: a square of the model's size
    reconstruction: Image.Image
    psnr: float  # dB between the two
    code: tuple[float, ...]


class _End(NamedTuple):
    """A picture that is blended, and its latent."""

    image: Image.Image
    caption: str
    noise: Tensor  # (N, C)
    code: Tensor  # (K,)


def run(steps: Steps[T], on_step: Callable[[int, int], None] | None = None) -> T:
    """Take all stages here and now; `on_step(taken, of how many)` of a stage may raise to stop."""
    answer: list[Image.Image] | None = None
    try:
        while True:
            stage = steps.send(answer)
            while pending := [d for d in stage.drawings if d.walk.taken < d.walk.steps]:
                stage.painter.step(pending)
                if on_step is not None:
                    on_step(pending[0].walk.taken, pending[0].walk.steps)
            answer = stage.painter.paint(stage.drawings) if stage.painted else []
    except StopIteration as end:
        return end.value


class Editor:
    """Edits with one model and its upscaler, where it has one; remembers a few inversions."""

    def __init__(self, painter: Painter, upscaler: Upscaler | None = None):
        self.painter, self.model = painter, painter.model
        self.enlarger = Enlarger(upscaler) if upscaler else None
        self._known: OrderedDict[str, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def enlarged_by(self) -> str:
        """What an Enlarge of here is done by."""
        return self.enlarger.upscaler.digest if self.enlarger else kinds.LANCZOS

    # --- what can be asked for

    def opened(self, content: bytes, prompt: str = "") -> Steps[Picture]:
        """A file's picture. One that was made here keeps its recipe; any other is named by its digest.

        A recipe is believed where it gives the picture that carries it. Raises ImageError.
        """
        image = images.read(content)
        recipe = _carried(content)
        if recipe is not None and recipe.checkpoint == self.model.digest:
            try:
                picture = yield from self.replayed(recipe)
                if _alike(images.flattened(picture.image), image):
                    return picture
            except ValueError:
                pass  # it takes a file or an upscaler that is not here: a file like any other
        opened = Open(images.digest(content))
        return Picture(image, kinds.with_edit(self._recipe(prompt), opened))

    def replayed(self, recipe: Recipe, files: Files = NO_FILES) -> Steps[Picture]:
        """The picture of a recipe with edits. Raises NeedsFile, ValueError where it cannot be made here."""
        self._check(recipe)
        todo = kinds.read_all(recipe)
        if todo and isinstance(todo[0], Open):
            opened = todo.pop(0)
            if opened.file not in files:
                raise NeedsFile(opened.file)
            picture = Picture(files[opened.file], dataclasses.replace(recipe, edits=recipe.edits[:1]))
        else:
            base = dataclasses.replace(recipe, edits=(), checkpoint=self.model.digest)
            (image,) = yield Stage(self.painter, [self.painter.begin(base)])
            picture = Picture(image, base)
        for edit in todo:
            (picture,) = yield from self.edited(picture, [edit], files)
        return picture

    def seen(self, picture: Picture) -> Steps[Seen]:
        """The picture through the model and back."""
        (again,) = yield from self.edited(picture, [Change()])
        fitted = self.fitted(picture.image)
        psnr = _psnr(fitted, again.image)
        return Seen(fitted, again.image, psnr, self.code(picture.image))

    def edited(
        self, picture: Picture, edits: Sequence[Edit], files: Files = NO_FILES
    ) -> Steps[list[Picture]]:
        """What each of several edits of one kind makes of the picture, in one batch.

        `files` are those that a blend's other picture needs. Raises ValueError.
        """
        if not 1 <= len(edits) <= MAX_BATCH or len({type(edit) for edit in edits}) != 1:
            raise ValueError(f"1 to {MAX_BATCH} edits of one kind go together; got {len(edits)}")
        ways: dict[type[Edit], Callable[..., Steps[list[Image.Image]]]] = {
            Vary: self._varied,
            Change: self._changed,
            Paint: self._painted,
            Extend: self._extended,
            Blend: self._blended,
            Enlarge: self._enlarged,
            CutOut: self._cut_out,
        }
        if type(edits[0]) not in ways:
            raise ValueError("a file is opened first, and once")
        recipes = [kinds.with_edit(picture.recipe, edit) for edit in edits]
        made = yield from ways[type(edits[0])](picture, edits, recipes, files)
        return [Picture(image, recipe) for image, recipe in zip(made, recipes, strict=True)]

    def fitted(self, image: Image.Image) -> Image.Image:
        """A picture as the model takes it: square, whole, on white; one that is so already stays as it is."""
        size = self.model.config.image_size
        flat = images.flattened(image)
        return flat if flat.size == (size, size) else images.fit(flat, size, "pad")

    def code(self, image: Image.Image) -> tuple[float, ...]:
        """The code that a picture would have been drawn with."""
        return tuple(self._code(self._features(self.fitted(image))).tolist())

    # --- the ways

    def _varied(
        self, picture: Picture, edits: Sequence[Vary], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        """Some of the way to fresh noise, and back (SDEdit, arXiv:2108.01073)."""
        features = self._features(self.fitted(picture.image))
        code, prompt = self._code(features), kinds.caption(picture.recipe)
        walks = [
            self._walk(torch.lerp(features, self._noise(edit.seed), edit.amount), edit.amount, picture)
            for edit in edits
        ]
        guidance, negative = picture.recipe.guidance, picture.recipe.negative
        made = yield self._stage(
            self._drawing(recipe, walk, code, prompt, guidance, negative)
            for recipe, walk in zip(recipes, walks, strict=True)
        )
        return made

    def _changed(
        self, picture: Picture, edits: Sequence[Change], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        """Encoded under the old caption and its own code, decoded under what is new."""
        image, old = self.fitted(picture.image), kinds.caption(picture.recipe)
        own = self._code(self._features(image))
        times = [1 - edit.keep for edit in edits]
        starts = yield from self._inverted([(image, old, time) for time in times])
        made = yield self._stage(
            self._drawing(
                recipe,
                self._walk(start, time, picture),
                own if edit.code is None else torch.tensor(edit.code),
                old if edit.prompt is None else edit.prompt,
                edit.guidance,
                picture.recipe.negative,
            )
            for edit, recipe, start, time in zip(edits, recipes, starts, times, strict=True)
        )
        return made

    def _painted(
        self, picture: Picture, edits: Sequence[Paint], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        image = self.fitted(picture.image)
        masks = [kinds.unpack_mask(edit.mask, image.width) for edit in edits]
        if not all(mask.any() for mask in masks):
            raise ValueError("the mask is empty: paint over what is to change")
        made = yield from self._filled(picture, [image] * len(edits), masks, edits, recipes)
        return made

    def _extended(
        self, picture: Picture, edits: Sequence[Extend], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        placed = [seams.moved(self.fitted(picture.image), edit.left, edit.top, edit.side) for edit in edits]
        made = yield from self._filled(picture, *map(list, zip(*placed, strict=True)), edits, recipes)
        return made

    def _filled(
        self,
        picture: Picture,
        known: Sequence[Image.Image],
        masks: Sequence[np.ndarray],
        edits: Sequence[Paint | Extend],
        recipes: Sequence[Recipe],
    ) -> Steps[list[Image.Image]]:
        """Draw what masks (S, S) bool cover of pictures, and put it into them."""
        code = self._code(self._features(self.fitted(picture.image)))
        drawings = []
        for image, mask, edit, recipe in zip(known, masks, edits, recipes, strict=True):
            features = self._features(seams.emptied(image, mask))
            times = schedule(1, 0, picture.recipe.steps)
            walk = Held(self._noise(edit.seed), times, features, self._free(mask))
            negative = picture.recipe.negative
            drawings.append(self._drawing(recipe, walk, code, edit.prompt, edit.guidance, negative))
        made = yield self._stage(drawings)
        return [seams.joined(*each) for each in zip(known, made, masks, strict=True)]

    def _blended(
        self, picture: Picture, edits: Sequence[Blend], recipes: Sequence[Recipe], files: Files
    ) -> Steps[list[Image.Image]]:
        """Latents on a great circle, velocities of both captions mixed; the ends are the inputs."""
        ways: dict[str, list[_End]] = {}
        made: dict[int, Image.Image] = {}
        drawings: dict[int, Drawing] = {}
        for number, (edit, recipe) in enumerate(zip(edits, recipes, strict=True)):
            key = json.dumps(edit.other, sort_keys=True)
            if key not in ways:
                other = yield from self.replayed(Recipe.from_dict(edit.other), files)
                ways[key] = yield from self._ends(picture, other)
            near, far = ways[key]
            if edit.weight in (0, 1):
                made[number] = (far if edit.weight else near).image
                continue
            noise, code = (
                slerp(one[None], other[None], edit.weight)[0]
                for one, other in ((near.noise, far.noise), (near.code, far.code))
            )
            walk = self._walk(noise, 1.0, picture)
            # Guidance from one caption towards the other, no further than to it, is the mixture of both.
            drawings[number] = self._drawing(recipe, walk, code, far.caption, edit.weight, near.caption)
        drawn = (yield self._stage(drawings.values())) if drawings else []
        made |= dict(zip(drawings, drawn, strict=True))
        return [made[number] for number in sorted(made)]

    def _ends(self, *pictures: Picture) -> Steps[list[_End]]:
        """Pictures with their latents, inverted together."""
        fitted = [self.fitted(picture.image) for picture in pictures]
        captions = [kinds.caption(picture.recipe) for picture in pictures]
        asked = [(image, caption, 1.0) for image, caption in zip(fitted, captions, strict=True)]
        noises = yield from self._inverted(asked)
        codes = [self._code(self._features(image)) for image in fitted]
        return [_End(*each) for each in zip(fitted, captions, noises, codes, strict=True)]

    def _enlarged(
        self, picture: Picture, edits: Sequence[Enlarge], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        for edit in edits:
            check_size(*picture.image.size, edit.factor)
            if edit.by not in (kinds.LANCZOS, self.enlarged_by):
                raise ValueError(
                    f"it was enlarged by the upscaler {edit.by}, which is not here: copy its file into the "
                    "checkpoint's folder, or enlarge the picture anew"
                )
        plain = [_resized(picture.image, edit.factor) for edit in edits]
        if edits[0].by == kinds.LANCZOS:
            return plain
        pixels = np.asarray(picture.image.convert("RGB"))
        made = yield Stage(
            self.enlarger,
            [Enlargement(r, pixels, edit.factor) for edit, r in zip(edits, recipes, strict=True)],
        )
        for large, small in zip(made, plain, strict=True):
            if small.mode == "RGBA":
                large.putalpha(small.getchannel("A"))
        return made

    def _cut_out(
        self, picture: Picture, edits: Sequence[CutOut], recipes: Sequence[Recipe], _: Files
    ) -> Steps[list[Image.Image]]:
        yield from ()
        return [matting.cut_out(images.flattened(picture.image))] * len(edits)

    # --- latents

    def _inverted(self, asked: Sequence[tuple[Image.Image, str, float]]) -> Steps[list[Tensor]]:
        """Where features (N, C) come to: of pictures, each under a caption, unguided, by a time."""
        keys = [
            f"{hashlib.sha256(image.tobytes() + prompt.encode()).hexdigest()} {time}"
            for image, prompt, time in asked
        ]
        found = {key: self._known.get(key) for key in keys}  # asked once: others may make it forget
        wanted = {key: each for key, each in zip(keys, asked, strict=True) if found[key] is None}
        if wanted:
            drawings = [self._inversion(*each) for each in wanted.values()]
            yield Stage(self.painter, drawings, painted=False)
            new = {key: drawing.walk.x for key, drawing in zip(wanted, drawings, strict=True)}
            found |= new
            self._remember(new)
        return [found[key] for key in keys]

    def _inversion(self, image: Image.Image, prompt: str, time: float) -> Drawing:
        """A drawing that goes from a picture towards noise."""
        features = self._features(image)
        walk = Walk(features, schedule(0, time, _share(INVERSION, time)))
        return self._drawing(self._recipe(prompt), walk, self._code(features), prompt)

    def _remember(self, new: Mapping[str, Tensor]) -> None:
        with self._lock:
            self._known.update(new)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    @torch.inference_mode()
    def _features(self, image: Image.Image) -> Tensor:
        """(N, C) of a picture of the model's size."""
        model = self.model
        return model.extractor(images.from_images([image]).to(model.device, model.dtype)).float()[0]

    @torch.inference_mode()
    def _code(self, features: Tensor) -> Tensor:
        """(N, C) -> (K,)."""
        return self.model.normalizer.reader(features[None]).mean[0]

    def _noise(self, seed: int) -> Tensor:
        """(N, C)."""
        config = self.model.config
        noise = torch.randn(config.tokens, config.channels, generator=runtime.generator(seed))
        return noise.to(self.model.device)

    def _free(self, mask: np.ndarray) -> Tensor:
        """Which features a mask (S, S) frees: those of every cell that it touches, (N, C) bool."""
        channels, fold = self.model.config.autoencoder.channels, self.model.config.autoencoder.fold
        cell = self.model.config.image_size // int(self.model.config.tokens**0.5) // fold
        touched = F.max_pool2d(torch.from_numpy(mask)[None, None].float(), cell)
        cells = touched.expand(1, channels, -1, -1)
        return (F.pixel_unshuffle(cells, fold).flatten(2).transpose(1, 2)[0] > 0).to(self.model.device)

    # --- drawings

    def _recipe(self, prompt: str) -> Recipe:
        return Recipe(prompt, checkpoint=self.model.digest, size=self.model.config.image_size)

    def _check(self, recipe: Recipe) -> None:
        ours, size = self.model.digest, self.model.config.image_size
        if recipe.checkpoint not in ("", ours) or recipe.size != size:
            raise ValueError(
                f"the recipe is for checkpoint {recipe.checkpoint or '?'} at size {recipe.size}; "
                f"in use is {ours} at size {size}"
            )

    def _walk(self, x: Tensor, time: float, picture: Picture) -> Walk:
        """From x (N, C) at some time down to features."""
        return Walk(x, schedule(time, 0, _share(picture.recipe.steps, time)))

    def _drawing(
        self,
        recipe: Recipe,
        walk: Walk,
        code: Tensor,
        prompt: str,
        guidance: float = 1.0,
        negative: str = "",
    ) -> Drawing:
        read = self.painter.read
        away = read(negative) if steered([guidance]) else None
        return Drawing(
            recipe, walk, code.to(self.model.device, self.model.dtype), read(prompt), away, guidance
        )

    def _stage(self, drawings: Any) -> Stage:
        return Stage(self.painter, list(drawings))


def _share(steps: int, time: float) -> int:
    """Steps over a share of the way."""
    return max(LEAST_STEPS, math.ceil(steps * time))


# --- pixels


def _carried(content: bytes) -> Recipe | None:
    try:
        return load_png(content)
    except ValueError:
        return None


def _psnr(a: Image.Image, b: Image.Image) -> float:
    return float(images.psnr(images.from_images([a]), images.from_images([b])))


def _alike(a: Image.Image, b: Image.Image) -> bool:
    return a.size == b.size and _psnr(a, b) >= SAME


def _resized(image: Image.Image, factor: int) -> Image.Image:
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.LANCZOS)
