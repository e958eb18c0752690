"""Camera and colours for a checkpoint whose codes are all learnt: the least telling numbers make room."""

from pathlib import Path

from dalle.config import VIEW_NUMBERS
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import unnamed_sliders
from dalle.training.told_numbers import with_told_numbers

# Names of learnt numbers that do by redrawing what camera and colours do exactly.
VIEW_NAMES = frozenset(
    {"size", "left or right", "height", "proportions", "lightness", "contrast", "warmth", "colourfulness"}
)


def add_view(source: Path, target: Path) -> str:
    """Write the checkpoint `source` to `target` with the view at the start of its code; -> the digest.

    Learnt numbers that are named after what the view does make room first, then those that change pictures
    least (`sliders.json` has them in that order). Raises ValueError where the code has told numbers already.
    """
    pipeline = DALLE.from_pretrained(source)
    if pipeline.model.config.flow.told:
        raise ValueError(f"the codes of {source} begin with told numbers already")
    count = pipeline.model.config.flow.code - VIEW_NUMBERS
    ranked = sorted(pipeline.sliders, key=lambda slider: slider.name["en"] in VIEW_NAMES)
    kept = sorted(ranked[:count], key=lambda slider: slider.index)
    model = with_told_numbers(pipeline.model, VIEW_NUMBERS, [slider.index for slider in kept])
    moved = {slider.index: VIEW_NUMBERS + place for place, slider in enumerate(kept)}
    # Without names: pictures at both ends say more of what a learnt number does than a word.
    sliders = unnamed_sliders([moved[slider.index] for slider in ranked[:count]])
    converted = DALLE(
        model,
        lexicon=pipeline.lexicon,
        prompts=pipeline.prompts,
        sliders=sliders,
        upscaler=pipeline.upscaler,
        card=pipeline.card,
    )
    return converted.save_pretrained(target)
