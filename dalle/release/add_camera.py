"""A camera for a checkpoint whose codes are all learnt: the least telling numbers make room for it."""

from dataclasses import replace
from pathlib import Path

from dalle.config import CAMERA_NUMBERS
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider, unnamed_slider
from dalle.training.told_numbers import with_told_numbers

# Names of learnt numbers that do by redrawing what the camera does exactly.
CAMERA_NAMES = frozenset({"size", "left or right", "height", "proportions"})


def add_camera(source: Path, target: Path) -> str:
    """Write the checkpoint `source` to `target` with the camera's numbers at the start of its code -> digest.

    Learnt numbers that are named after what the camera does make room first, then those that change pictures
    least (`sliders.json` has them in that order). Raises ValueError where the code has told numbers already.
    """
    pipeline = DALLE.from_pretrained(source)
    if pipeline.model.config.flow.told:
        raise ValueError(f"the codes of {source} begin with a camera already")
    count = pipeline.model.config.flow.code - CAMERA_NUMBERS
    ranked = sorted(pipeline.sliders, key=lambda slider: slider.name["en"] in CAMERA_NAMES)
    kept = sorted(ranked[:count], key=lambda slider: slider.index)
    model = with_told_numbers(pipeline.model, CAMERA_NUMBERS, [slider.index for slider in kept])
    moved = {slider.index: CAMERA_NUMBERS + place for place, slider in enumerate(kept)}
    sliders = [_moved(slider, moved[slider.index]) for slider in ranked[:count]]
    converted = DALLE(
        model,
        labels=pipeline.rewriter.labels,
        words=pipeline.words,
        prompts=pipeline.prompts,
        sliders=sliders,
        upscaler=pipeline.upscaler,
        card=pipeline.card,
    )
    return converted.save_pretrained(target)


def _moved(slider: Slider, index: int) -> Slider:
    """The slider of the same number at another place of the code."""
    unnamed = slider == unnamed_slider(slider.index)
    return unnamed_slider(index) if unnamed else replace(slider, index=index)
