"""Editor: opens pictures, applies edits to them, and replays a recipe's edits.

    editor = Editor(pipeline.make_sampler())
    pictures = run(editor.apply(picture, [Variation(0.4, seed) for seed in range(4)]))

Its methods are coroutines of sample batches (`SampleCoroutine`): `run` drives them in one thread, the server
in batches shared with other requests. How each edit works is in `edit_methods.py`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from PIL import Image

from dalle import images
from dalle.config import VIEW_NUMBERS
from dalle.editing import edit_methods
from dalle.editing.edit_methods import EndPicture, ImagesCoroutine
from dalle.editing.edit_source import DRAWN_ANEW, PLAIN_VIEW, EditSource, plain_recipe, told_numbers
from dalle.editing.inversion import ImageInverter
from dalle.editing.tiled_upscaling import TiledUpscaler
from dalle.edits import (
    LANCZOS,
    Edit,
    FromFile,
    Inpaint,
    Interpolate,
    Outpaint,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    current_prompt,
    parse_edits,
    with_edit,
)
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.sampler import MAX_BATCH, SampleBatch, SampleCoroutine, Sampler
from dalle.recipe import Picture, Recipe, load_png

MIN_SAME_PSNR = 45  # dB, from which two images look the same

FilesByDigest = Mapping[str, Image.Image]
NO_FILES: FilesByDigest = MappingProxyType({})


class MissingFileError(ValueError):
    """A recipe starts from a file that was not given; `digest` names the file."""

    def __init__(self, digest: str):
        super().__init__(
            "this picture began as a file that only its owner has: "
            f"open the one whose SHA-256 begins {digest}"
        )
        self.digest = digest


@dataclass(frozen=True)
class ReconstructedPicture:
    """A picture after inversion and sampling under its own caption and code."""

    model_input: Image.Image  # what was inverted: square, at the model's size
    picture: Picture  # the result
    psnr: float  # dB, of the result against the input
    code: tuple[float, ...]


class Editor:
    """Edits with one model; `upscaler` may be missing, then images are upscaled by Lanczos."""

    def __init__(self, sampler: Sampler, upscaler: Upscaler | None = None):
        self.sampler, self.model = sampler, sampler.model
        self.upscaler = TiledUpscaler(upscaler) if upscaler else None
        self._inverter = ImageInverter(sampler)

    @property
    def upscaler_id(self) -> str:
        """The best value of `Upscale.by` here: the network's digest, or LANCZOS."""
        return self.upscaler.network.digest if self.upscaler else LANCZOS

    def open_file(self, content: bytes, prompt: str = "") -> SampleCoroutine[Picture]:
        """Coroutine. The picture of a file's content, and `prompt` as its caption.

        A PNG of this checkpoint keeps the recipe that it carries, if that recipe really gives its image; any
        other file becomes a recipe that starts from the file's digest. Raises ImageError.
        """
        image = images.read(content)
        recipe = _embedded_recipe(content)
        if recipe is not None and recipe.checkpoint == self.model.digest:
            try:
                picture = yield from self.replay(recipe)
                if _look_same(images.flatten_alpha(picture.image), image):
                    return picture
            except ValueError:
                pass  # the recipe needs a file or an upscaler that is not here: take the pixels instead
        blank = Recipe(prompt, checkpoint=self.model.digest, size=self.model.config.image_size)
        return Picture(image, with_edit(blank, FromFile(images.digest(content))))

    def replay(self, recipe: Recipe, files: FilesByDigest = NO_FILES) -> SampleCoroutine[Picture]:
        """Coroutine. Draw a recipe and apply its edits.

        Raises MissingFileError where `files` lacks one that the recipe starts from, ValueError where the
        recipe is of another checkpoint or size, or an edit is not possible.
        """
        self._check(recipe)
        match parse_edits(recipe):
            case [FromFile(file=digest), *edits]:
                if digest not in files:
                    raise MissingFileError(digest)
                picture = Picture(files[digest], dataclasses.replace(recipe, edits=recipe.edits[:1]))
            case edits:
                base = dataclasses.replace(recipe, edits=(), checkpoint=self.model.digest)
                image = self.sampler.plain_pictures.view(base)
                if image is None:
                    (image,) = yield SampleBatch(self.sampler, [self.sampler.prepare(base)])
                picture = Picture(image, base)
        for edit in edits:
            (picture,) = yield from self.apply(picture, [edit], files)
        return picture

    def reconstruct(self, picture: Picture) -> SampleCoroutine[ReconstructedPicture]:
        """Coroutine. Invert the picture and sample it again."""
        (result,) = yield from self.apply(picture, [PromptEdit()])
        model_input = self._inverter.to_model_size(picture.image)
        code = yield from self.infer_code(picture)
        return ReconstructedPicture(model_input, result, _psnr(model_input, result.image), code)

    def apply(
        self, picture: Picture, edits: Sequence[Edit], files: FilesByDigest = NO_FILES
    ) -> SampleCoroutine[list[Picture]]:
        """Coroutine. Apply each of 1 to MAX_BATCH edits of one kind to the picture, in one batch.

        `files`: those that the other picture of an interpolation starts from. Raises ValueError.
        """
        if not 1 <= len(edits) <= MAX_BATCH or len({type(edit) for edit in edits}) != 1:
            raise ValueError(f"1 to {MAX_BATCH} edits of one kind go together; got {len(edits)}")
        methods: dict[type[Edit], Callable[..., ImagesCoroutine]] = {
            Variation: partial(edit_methods.vary, self._inverter),
            PromptEdit: partial(edit_methods.edit_prompt, self._inverter),
            Inpaint: partial(edit_methods.inpaint, self._inverter),
            Outpaint: partial(edit_methods.outpaint, self._inverter),
            Interpolate: partial(
                edit_methods.interpolate, self._inverter, partial(self._open_end, files), picture.image
            ),
            Upscale: partial(edit_methods.upscale, self.upscaler),
            RemoveBackground: edit_methods.remove_background,
        }
        method = methods.get(type(edits[0]))
        if method is None:
            raise ValueError("a file is opened first, and once")
        self._check(picture.recipe)
        recipes = [with_edit(picture.recipe, edit) for edit in edits]
        source = yield from self._edit_source(picture, type(edits[0]))
        results = yield from method(source, edits, recipes)
        return [Picture(image, recipe) for image, recipe in zip(results, recipes, strict=True)]

    def infer_code(self, picture: Picture) -> SampleCoroutine[tuple[float, ...]]:
        """Coroutine. The K numbers of the picture's code under its current prompt, told ones if known."""
        source = yield from self._edit_source(picture, PromptEdit)
        features = self._inverter.extract_features(self._inverter.to_model_size(source.image))
        code = self._inverter.infer_code(features, current_prompt(picture.recipe), source.told)
        return tuple(code.tolist())

    def transfer_code(self, picture: Picture, other: Picture) -> SampleCoroutine[tuple[float, ...]]:
        """Coroutine. The learnt numbers of the other picture, with this one's view and light."""
        told = self.model.config.flow.told
        ours, theirs = (yield from self.infer_code(picture)), (yield from self.infer_code(other))
        return ours[:told] + theirs[told:]

    def _edit_source(self, picture: Picture, edit_type: type[Edit]) -> SampleCoroutine[EditSource]:
        """Coroutine. What an edit of this kind starts from; the picture is drawn again if it has a view."""
        told = told_numbers(picture.recipe, self.model.config, self.sampler.reader)
        if not any(told[:VIEW_NUMBERS]):
            return EditSource(picture.image, picture.recipe, told)
        if not issubclass(edit_type, DRAWN_ANEW):
            return EditSource(picture.image, picture.recipe, PLAIN_VIEW + told[VIEW_NUMBERS:])
        plain = yield from self.replay(plain_recipe(picture.recipe, self.model.config, self.sampler.reader))
        return EditSource(plain.image, picture.recipe, told)

    def _open_end(self, files: FilesByDigest, recipe: Recipe) -> SampleCoroutine[EndPicture]:
        """Coroutine. The other picture of an interpolation."""
        picture = yield from self.replay(recipe, files)
        return EndPicture(picture.image, (yield from self._edit_source(picture, Interpolate)))

    def _check(self, recipe: Recipe) -> None:
        """Raise ValueError for a recipe of another checkpoint or size."""
        digest, size = self.model.digest, self.model.config.image_size
        if recipe.checkpoint not in ("", digest) or recipe.size != size:
            raise ValueError(
                f"the recipe is for checkpoint {recipe.checkpoint or '?'} at size {recipe.size}; "
                f"in use is {digest} at size {size}. Choose that checkpoint, or open the picture's file anew"
            )


def _embedded_recipe(content: bytes) -> Recipe | None:
    """The recipe that a file's content carries; None where there is no valid one."""
    try:
        return load_png(content)
    except ValueError:
        return None


def _psnr(a: Image.Image, b: Image.Image) -> float:
    """dB between two RGB images of one size."""
    return float(images.psnr(images.from_images([a]), images.from_images([b])))


def _look_same(a: Image.Image, b: Image.Image) -> bool:
    return a.size == b.size and _psnr(a, b) >= MIN_SAME_PSNR
