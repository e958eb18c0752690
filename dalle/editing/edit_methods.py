"""How each kind of edit makes its images: one coroutine for each class of `dalle/edits.py`, in its order.

    image     --extract_features-->  features  --towards noise, under the old caption-->  x(time)
    x(time)   --back, under another caption, code or mask-->  features  --decode-->  image

A method takes what the edits start from, edits of its kind and the recipe of each result, runs their samples
in one batch, and returns one image for each edit. (N, C) features or noise, (K,) a code, S pixels a side of
the model's images.
"""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.config import VIEW_NUMBERS
from dalle.editing import inpainting, matting
from dalle.editing.edit_source import EditSource
from dalle.editing.inversion import ImageInverter, Inversion
from dalle.editing.tiled_upscaling import TiledUpscaler, UpscaleState, check_output_size
from dalle.edits import (
    LANCZOS,
    Inpaint,
    Interpolate,
    Outpaint,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    current_prompt,
    unpack_mask,
)
from dalle.errors import InputError
from dalle.networks.solver import InpaintingTrajectory, schedule, slerp
from dalle.pipeline.sampler import SampleBatch, SampleCoroutine, SampleState
from dalle.recipe import Recipe

ImagesCoroutine = SampleCoroutine[list[Image.Image]]


def vary(
    inverter: ImageInverter, source: EditSource, edits: Sequence[Variation], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Mix the features with noise up to time `amount`, and sample from there (SDEdit, arXiv:2108.01073)."""
    features = inverter.extract_features(inverter.to_model_size(source.image))
    prompt, drawn = current_prompt(source.recipe), source.recipe
    code = inverter.infer_code(features, prompt, source.told)
    samples = []
    for edit, recipe in zip(edits, recipes, strict=True):
        start = torch.lerp(features, inverter.seeded_noise(edit.seed), edit.amount)
        trajectory = inverter.trajectory(start, edit.amount, drawn.steps)
        samples.append(inverter.prepare(recipe, trajectory, code, prompt, drawn.guidance, drawn.negative))
    return (yield inverter.batch(samples))


def edit_prompt(
    inverter: ImageInverter, source: EditSource, edits: Sequence[PromptEdit], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Invert to time 1 - `keep` under the old caption and code, and sample from there under the new ones.

    Where an edit changes the view alone, the image is viewed anew instead, with its own pixels.
    """
    image, old_prompt = inverter.to_model_size(source.image), current_prompt(source.recipe)
    old_code = inverter.infer_code(inverter.extract_features(image), old_prompt, source.told)
    viewed = [_changes_view_alone(inverter, edit, old_code) for edit in edits]
    pairs = zip(edits, recipes, viewed, strict=True)
    anew = [(edit, recipe) for edit, recipe, is_viewed in pairs if not is_viewed]
    times = [1 - edit.keep for edit, _ in anew]
    inversions = [Inversion(image, old_prompt, time, source.told) for time in times]
    starts = (yield from inverter.invert(inversions)) if anew else ()
    samples = []
    for (edit, recipe), start, time in zip(anew, starts, times, strict=True):
        trajectory = inverter.trajectory(start, time, source.recipe.steps)
        code = old_code if edit.code is None else torch.tensor(edit.code)
        prompt = old_prompt if edit.prompt is None else edit.prompt
        negative = source.recipe.negative
        samples.append(inverter.prepare(recipe, trajectory, code, prompt, edit.guidance, negative))
    drawn = iter((yield inverter.batch(samples)) if samples else ())
    return [
        inverter.view(image, edit.code) if is_viewed and edit.code else next(drawn)
        for edit, is_viewed in zip(edits, viewed, strict=True)
    ]


def _changes_view_alone(inverter: ImageInverter, edit: PromptEdit, old_code: Tensor) -> bool:
    """Whether an edit changes neither the prompt nor any number of the code but the view's."""
    if not inverter.model.config.flow.told or edit.prompt is not None or edit.code is None:
        return False
    return torch.equal(torch.tensor(edit.code)[VIEW_NUMBERS:], old_code.cpu()[VIEW_NUMBERS:])


def inpaint(
    inverter: ImageInverter, source: EditSource, edits: Sequence[Inpaint], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Generate what the masks cover. Raises InputError for an empty mask."""
    image = inverter.to_model_size(source.image)
    masks = [unpack_mask(edit.mask, image.width) for edit in edits]
    if not all(mask.any() for mask in masks):
        raise InputError("mask_empty")
    canvases = [(image, mask) for mask in masks]
    return (yield from _fill_masks(inverter, source, canvases, edits, recipes))


def outpaint(
    inverter: ImageInverter, source: EditSource, edits: Sequence[Outpaint], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Move the frame and generate what it newly shows. Raises InputError for a frame that cannot be."""
    image = inverter.to_model_size(source.image)
    canvases = [inpainting.reframe(image, edit.left, edit.top, edit.side) for edit in edits]
    return (yield from _fill_masks(inverter, source, canvases, edits, recipes))


def _fill_masks(
    inverter: ImageInverter,
    source: EditSource,
    canvases: Sequence[tuple[Image.Image, np.ndarray]],
    edits: Sequence[Inpaint | Outpaint],
    recipes: Sequence[Recipe],
) -> ImagesCoroutine:
    """canvases: image (S, S), mask (S, S) bool -> the images with generated pixels blended into the masks."""
    features = inverter.extract_features(inverter.to_model_size(source.image))
    code = inverter.infer_code(features, current_prompt(source.recipe), source.told)
    samples = []
    for (image, mask), edit, recipe in zip(canvases, edits, recipes, strict=True):
        known = inverter.extract_features(inpainting.fill_masked(image, mask))
        noise, times = inverter.seeded_noise(edit.seed), schedule(1, 0, source.recipe.steps)
        trajectory = InpaintingTrajectory(noise, times, known, inverter.masked_tokens(mask))
        negative = source.recipe.negative
        samples.append(inverter.prepare(recipe, trajectory, code, edit.prompt, edit.guidance, negative))
    generated = yield inverter.batch(samples)
    return [
        inpainting.blend(image, new, mask) for (image, mask), new in zip(canvases, generated, strict=True)
    ]


class EndPicture(NamedTuple):
    """One end of an interpolation: what is seen, and what is drawn anew."""

    seen: Image.Image
    source: EditSource


class _Endpoint(NamedTuple):
    """The same with its latent."""

    seen: Image.Image  # (S, S)
    caption: str
    noise: Tensor  # (N, C)
    code: Tensor  # (K,)


def interpolate(
    inverter: ImageInverter,
    open_end: Callable[[Recipe], SampleCoroutine[EndPicture]],
    seen: Image.Image,
    source: EditSource,
    edits: Sequence[Interpolate],
    recipes: Sequence[Recipe],
) -> ImagesCoroutine:
    """Slerp noise and code, mix the velocities under both captions; weights 0 and 1 give the inputs.

    Told numbers are mixed linearly. `open_end` draws the other picture from its recipe; `seen` is this one.
    """
    endpoints: dict[str, list[_Endpoint]] = {}
    results: dict[int, Image.Image] = {}
    samples: dict[int, SampleState] = {}
    for index, (edit, recipe) in enumerate(zip(edits, recipes, strict=True)):
        key = json.dumps(edit.other, sort_keys=True)
        if key not in endpoints:
            other = yield from open_end(Recipe.from_dict(edit.other))
            endpoints[key] = yield from _invert_endpoints(inverter, [EndPicture(seen, source), other])
        start, end = endpoints[key]
        if edit.weight in (0, 1):
            results[index] = (end if edit.weight else start).seen
            continue
        noise = slerp(start.noise[None], end.noise[None], edit.weight)[0]
        code = _mix_codes(start.code, end.code, edit.weight, inverter.model.config.flow.told)
        trajectory = inverter.trajectory(noise, 1.0, source.recipe.steps)
        samples[index] = inverter.prepare_mixture(
            recipe, trajectory, code, start.caption, end.caption, edit.weight
        )
    generated = (yield inverter.batch(samples.values())) if samples else []
    results |= dict(zip(samples, generated, strict=True))
    return [results[index] for index in sorted(results)]


def _mix_codes(start: Tensor, end: Tensor, weight: float, told: int) -> Tensor:
    """Codes (K,) -> (K,): the first `told` numbers mixed linearly, the learnt ones by slerp."""
    learnt = slerp(start[None, told:], end[None, told:], weight)[0]
    return torch.cat([torch.lerp(start[:told], end[:told], weight), learnt])


def _invert_endpoints(
    inverter: ImageInverter, ends: Sequence[EndPicture]
) -> SampleCoroutine[list[_Endpoint]]:
    """The ends with their latents, inverted in one batch."""
    inversions = [
        Inversion(inverter.to_model_size(source.image), current_prompt(source.recipe), 1.0, source.told)
        for _, source in ends
    ]
    noises = yield from inverter.invert(inversions)
    return [
        _Endpoint(
            inverter.to_model_size(end.seen),
            caption,
            noise,
            inverter.infer_code(inverter.extract_features(image), caption, told),
        )
        for end, noise, (image, caption, _, told) in zip(ends, noises, inversions, strict=True)
    ]


def upscale(
    upscaler: TiledUpscaler | None, source: EditSource, edits: Sequence[Upscale], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Upscale by the network, or by Lanczos where an edit says so; alpha always by Lanczos.

    Raises InputError for an output that is too large, or a network that is not here.
    """
    available = {LANCZOS} if upscaler is None else {LANCZOS, upscaler.network.digest}
    for edit in edits:
        check_output_size(*source.image.size, edit.factor)
        if edit.by not in available:
            raise InputError("upscaler_gone", digest=edit.by)
    by_network = [index for index, edit in enumerate(edits) if edit.by != LANCZOS]
    results: dict[int, Image.Image] = {}
    if upscaler is not None and by_network:
        pixels = np.asarray(source.image.convert("RGB"))
        states = [UpscaleState(recipes[index], pixels, edits[index].factor) for index in by_network]
        results = dict(zip(by_network, (yield SampleBatch(upscaler, states)), strict=True))
    if source.image.mode == "RGBA":
        for index, image in results.items():
            image.putalpha(_resize_by_lanczos(source.image.getchannel("A"), edits[index].factor))
    # Resized last: before the batch above runs, the queue has not admitted this request and its memory.
    return [
        results[index] if index in results else _resize_by_lanczos(source.image, edit.factor)
        for index, edit in enumerate(edits)
    ]


def _resize_by_lanczos(image: Image.Image, factor: int) -> Image.Image:
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.LANCZOS)


def remove_background(
    source: EditSource, edits: Sequence[RemoveBackground], recipes: Sequence[Recipe]
) -> ImagesCoroutine:
    """Alpha matting, at the picture's own size. Raises InputError where the background is not flat."""
    yield from ()  # a coroutine like the others, without a batch
    return [matting.extract_foreground(images.flatten_alpha(source.image))] * len(edits)
