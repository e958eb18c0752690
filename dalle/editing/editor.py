"""Editing: what can be done to a picture, each way a use of encode and decode.

    picture  --extractor-->  features  --some way to noise, under the old caption-->  x
    x        --back, under another caption, code or mask-->  features  --generator-->  picture

An edit is a generator of stages (stages.py).

    editor = Editor(Painter(model))
    pictures = run(editor.edited(picture, [Vary(0.4, seed) for seed in range(4)]))
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dalle import edits as kinds
from dalle import images
from dalle.editing import inpainting, matting
from dalle.editing.inversion import ImageInverter
from dalle.editing.tiled_upscaling import TiledUpscaler, UpscaleState, check_size
from dalle.edits import (
    Edit,
    FromFile,
    Inpaint,
    Interpolate,
    Outpaint,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
)
from dalle.errors import InputError
from dalle.networks.solver import InpaintingTrajectory, schedule, slerp
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.batches import SampleBatch, SampleCoroutine
from dalle.pipeline.dalle import MAX_BATCH, SampleState
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe, load_png

SAME = 45  # dB: the same picture to the eye

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
class Reconstruction:
    """A picture as the model sees it: encoded and decoded again."""

    fitted: Image.Image  # what was encoded: a square of the model's size
    again: Picture  # what came back
    psnr: float  # dB between the two
    code: tuple[float, ...]


class _End(NamedTuple):
    """A picture that is blended, and its latent."""

    image: Image.Image
    caption: str
    noise: Tensor  # (N, C)
    code: Tensor  # (K,)


class Editor:
    """Edits with one model, and its upscaler where it has one."""

    def __init__(self, painter: Sampler, upscaler: Upscaler | None = None):
        self.painter, self.model, self._latents = painter, painter.model, ImageInverter(painter)
        self.enlarger = TiledUpscaler(upscaler) if upscaler else None

    @property
    def enlarged_by(self) -> str:
        """What an Enlarge of here is done by."""
        return self.enlarger.upscaler.digest if self.enlarger else kinds.LANCZOS

    # --- what can be asked for

    def opened(self, content: bytes, prompt: str = "") -> SampleCoroutine[Picture]:
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
        opened = FromFile(images.digest(content))
        return Picture(image, kinds.with_edit(self._recipe(prompt), opened))

    def replayed(self, recipe: Recipe, files: Files = NO_FILES) -> SampleCoroutine[Picture]:
        """The picture of a recipe with edits. Raises NeedsFile, ValueError where it cannot be made here."""
        self._check(recipe)
        todo = kinds.read_all(recipe)
        if todo and isinstance(todo[0], FromFile):
            opened = todo.pop(0)
            if opened.file not in files:
                raise NeedsFile(opened.file)
            picture = Picture(files[opened.file], dataclasses.replace(recipe, edits=recipe.edits[:1]))
        else:
            base = dataclasses.replace(recipe, edits=(), checkpoint=self.model.digest)
            (image,) = yield SampleBatch(self.painter, [self.painter.begin(base)])
            picture = Picture(image, base)
        for edit in todo:
            (picture,) = yield from self.edited(picture, [edit], files)
        return picture

    def seen(self, picture: Picture) -> SampleCoroutine[Reconstruction]:
        """The picture through the model and back."""
        (again,) = yield from self.edited(picture, [PromptEdit()])
        fitted = self.fitted(picture.image)
        psnr = _psnr(fitted, again.image)
        return Reconstruction(fitted, again, psnr, self.code(picture))

    def edited(
        self, picture: Picture, edits: Sequence[Edit], files: Files = NO_FILES
    ) -> SampleCoroutine[list[Picture]]:
        """What each of several edits of one kind makes of the picture, in one batch.

        `files` are those that a blend's other picture needs. Raises ValueError.
        """
        if not 1 <= len(edits) <= MAX_BATCH or len({type(edit) for edit in edits}) != 1:
            raise ValueError(f"1 to {MAX_BATCH} edits of one kind go together; got {len(edits)}")
        ways: dict[type[Edit], Callable[..., SampleCoroutine[list[Image.Image]]]] = {
            Variation: self._varied,
            PromptEdit: self._changed,
            Inpaint: self._painted,
            Outpaint: self._extended,
            Interpolate: self._blended,
            Upscale: self._enlarged,
            RemoveBackground: self._cut_out,
        }
        if type(edits[0]) not in ways:
            raise ValueError("a file is opened first, and once")
        self._check(picture.recipe)
        recipes = [kinds.with_edit(picture.recipe, edit) for edit in edits]
        made = yield from ways[type(edits[0])](picture, edits, recipes, files)
        return [Picture(image, recipe) for image, recipe in zip(made, recipes, strict=True)]

    def fitted(self, image: Image.Image) -> Image.Image:
        """A picture as the model takes it: square, whole, on white; one that is so already stays as it is."""
        size = self.model.config.image_size
        flat = images.flattened(image)
        return flat if flat.size == (size, size) else images.fit(flat, size, "pad")

    def code(self, picture: Picture) -> tuple[float, ...]:
        """The code that a picture would have been drawn with under its caption."""
        return tuple(self._code(self.fitted(picture.image), kinds.caption(picture.recipe)).tolist())

    def _code(self, image: Image.Image, caption: str) -> Tensor:
        """(K,) of a picture of the model's size."""
        return self._latents.code(self._latents.features(image), caption)

    # --- the ways

    def _varied(
        self, picture: Picture, edits: Sequence[Variation], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        """Some of the way to fresh noise, and back (SDEdit, arXiv:2108.01073)."""
        features = self._latents.features(self.fitted(picture.image))
        prompt = kinds.caption(picture.recipe)
        code = self._latents.code(features, prompt)
        walks = [
            self._latents.walk(
                torch.lerp(features, self._latents.noise(edit.seed), edit.amount), edit.amount, picture
            )
            for edit in edits
        ]
        guidance, negative = picture.recipe.guidance, picture.recipe.negative
        made = yield self._latents.stage(
            self._latents.drawing(recipe, walk, code, prompt, guidance, negative)
            for recipe, walk in zip(recipes, walks, strict=True)
        )
        return made

    def _changed(
        self, picture: Picture, edits: Sequence[PromptEdit], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        """Encoded under the old caption and its own code, decoded under what is new."""
        image, old = self.fitted(picture.image), kinds.caption(picture.recipe)
        own = self._code(image, old)
        times = [1 - edit.keep for edit in edits]
        starts = yield from self._latents.inverted([(image, old, time) for time in times])
        made = yield self._latents.stage(
            self._latents.drawing(
                recipe,
                self._latents.walk(start, time, picture),
                own if edit.code is None else torch.tensor(edit.code),
                old if edit.prompt is None else edit.prompt,
                edit.guidance,
                picture.recipe.negative,
            )
            for edit, recipe, start, time in zip(edits, recipes, starts, times, strict=True)
        )
        return made

    def _painted(
        self, picture: Picture, edits: Sequence[Inpaint], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        image = self.fitted(picture.image)
        masks = [kinds.unpack_mask(edit.mask, image.width) for edit in edits]
        if not all(mask.any() for mask in masks):
            raise InputError("mask_empty")
        made = yield from self._filled(picture, [image] * len(edits), masks, edits, recipes)
        return made

    def _extended(
        self, picture: Picture, edits: Sequence[Outpaint], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        placed = [
            inpainting.reframe(self.fitted(picture.image), edit.left, edit.top, edit.side) for edit in edits
        ]
        made = yield from self._filled(picture, *map(list, zip(*placed, strict=True)), edits, recipes)
        return made

    def _filled(
        self,
        picture: Picture,
        known: Sequence[Image.Image],
        masks: Sequence[np.ndarray],
        edits: Sequence[Inpaint | Outpaint],
        recipes: Sequence[Recipe],
    ) -> SampleCoroutine[list[Image.Image]]:
        """Draw what masks (S, S) bool cover of pictures, and put it into them."""
        code = self._code(self.fitted(picture.image), kinds.caption(picture.recipe))
        drawings = []
        for image, mask, edit, recipe in zip(known, masks, edits, recipes, strict=True):
            features = self._latents.features(inpainting.fill_masked(image, mask))
            times = schedule(1, 0, picture.recipe.steps)
            walk = InpaintingTrajectory(
                self._latents.noise(edit.seed), times, features, self._latents.free(mask)
            )
            negative = picture.recipe.negative
            drawings.append(self._latents.drawing(recipe, walk, code, edit.prompt, edit.guidance, negative))
        made = yield self._latents.stage(drawings)
        return [inpainting.blend(*each) for each in zip(known, made, masks, strict=True)]

    def _blended(
        self, picture: Picture, edits: Sequence[Interpolate], recipes: Sequence[Recipe], files: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        """Latents on a great circle, velocities of both captions mixed; the ends are the inputs."""
        ways: dict[str, list[_End]] = {}
        made: dict[int, Image.Image] = {}
        drawings: dict[int, SampleState] = {}
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
            walk = self._latents.walk(noise, 1.0, picture)
            # Guidance from one caption towards the other, no further than to it, is the mixture of both.
            drawings[number] = self._latents.drawing(
                recipe, walk, code, far.caption, edit.weight, near.caption
            )
        drawn = (yield self._latents.stage(drawings.values())) if drawings else []
        made |= dict(zip(drawings, drawn, strict=True))
        return [made[number] for number in sorted(made)]

    def _ends(self, *pictures: Picture) -> SampleCoroutine[list[_End]]:
        """Pictures with their latents, inverted together."""
        fitted = [self.fitted(picture.image) for picture in pictures]
        captions = [kinds.caption(picture.recipe) for picture in pictures]
        asked = [(image, caption, 1.0) for image, caption in zip(fitted, captions, strict=True)]
        noises = yield from self._latents.inverted(asked)
        codes = [self._code(image, caption) for image, caption in zip(fitted, captions, strict=True)]
        return [_End(*each) for each in zip(fitted, captions, noises, codes, strict=True)]

    def _enlarged(
        self, picture: Picture, edits: Sequence[Upscale], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        for edit in edits:
            check_size(*picture.image.size, edit.factor)
            if edit.by not in (kinds.LANCZOS, self.enlarged_by):
                raise InputError("upscaler_gone", digest=edit.by)
        by_network = [number for number, edit in enumerate(edits) if edit.by != kinds.LANCZOS]
        made: dict[int, Image.Image] = {}
        if by_network:
            pixels = np.asarray(picture.image.convert("RGB"))
            drawn = yield SampleBatch(
                self.enlarger, [UpscaleState(recipes[n], pixels, edits[n].factor) for n in by_network]
            )
            made = dict(zip(by_network, drawn, strict=True))
        if picture.image.mode == "RGBA":
            for number, large in made.items():
                large.putalpha(_resized(picture.image.getchannel("A"), edits[number].factor))
        # Only now: before the stage nobody has said yet that there is room.
        return [
            made[number] if number in made else _resized(picture.image, edit.factor)
            for number, edit in enumerate(edits)
        ]

    def _cut_out(
        self, picture: Picture, edits: Sequence[RemoveBackground], recipes: Sequence[Recipe], _: Files
    ) -> SampleCoroutine[list[Image.Image]]:
        yield from ()
        return [matting.cut_out(images.flattened(picture.image))] * len(edits)

    # --- recipes

    def _recipe(self, prompt: str) -> Recipe:
        return Recipe(prompt, checkpoint=self.model.digest, size=self.model.config.image_size)

    def _check(self, recipe: Recipe) -> None:
        ours, size = self.model.digest, self.model.config.image_size
        if recipe.checkpoint not in ("", ours) or recipe.size != size:
            raise ValueError(
                f"the recipe is for checkpoint {recipe.checkpoint or '?'} at size {recipe.size}; "
                f"in use is {ours} at size {size}. Choose that checkpoint, or open the picture's file anew"
            )


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
