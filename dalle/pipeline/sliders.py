"""Slider: the number of the code that it moves, and its names; sliders.json of a checkpoint.

The file is a list of objects with the fields of `Slider`, those that change pictures most first. It names
learnt numbers; told ones have the names of `told_sliders.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SLIDER_LANGUAGES = ("en", "zh")
REPAIR_HINT = "delete the file, or copy the checkpoint again"


@dataclass(frozen=True)
class Slider:
    """A slider over one number of the code; texts by language, "en" and "zh"."""

    index: int  # of the number in the code, from 0
    name: dict[str, str]  # "size"
    low: dict[str, str]  # pictures at its lower end: "small"
    high: dict[str, str]  # pictures at its upper end: "large"

    def __post_init__(self) -> None:
        if type(self.index) is not int:
            raise ValueError(f"a slider's index must be a whole number; got {self.index!r:.80}")
        for field in ("name", "low", "high"):
            texts = getattr(self, field)
            if not isinstance(texts, dict) or not all(
                isinstance(texts.get(x), str) for x in SLIDER_LANGUAGES
            ):
                raise ValueError(
                    f"a slider's {field} needs a text in each of {SLIDER_LANGUAGES}; got {texts!r}"
                )


def unnamed_slider(index: int) -> Slider:
    """The slider of a number whose effect is not known."""
    low, high = ({language: sign for language in SLIDER_LANGUAGES} for sign in "−+")
    return Slider(index, {"en": f"latent {index + 1}", "zh": f"潜变量 {index + 1}"}, low, high)


def unnamed_sliders(indices: Sequence[int]) -> tuple[Slider, ...]:
    """One for each of these numbers of a code."""
    return tuple(unnamed_slider(index) for index in indices)


def slide_code(
    code: Sequence[float], sliders: Sequence[Slider], slides: Mapping[str, float]
) -> tuple[float, ...]:
    """The code with numbers set by the English names of their sliders, in any case: {"size": 2}.

    Where two sliders have one name, the first is meant. Raises ValueError for a name that no slider has.
    """
    if not isinstance(slides, Mapping):
        raise ValueError(f"slides must be numbers by the names of sliders; got {slides!r:.80}")
    indices = {slider.name["en"].casefold(): slider.index for slider in reversed(sliders)}
    numbers = list(code)
    for name, value in slides.items():
        if name.casefold() not in indices:
            known = ", ".join(slider.name["en"] for slider in sliders)
            raise ValueError(f"no slider {name!r:.80}; there are {known}")
        numbers[indices[name.casefold()]] = value
    return tuple(numbers)


def load_sliders(path: Path, indices: Sequence[int]) -> tuple[Slider, ...]:
    """One slider for each of these numbers of a code: those of the file, then unnamed ones for the others.

    Without a file all are unnamed. Raises ValueError where the file holds something else.
    """
    named = _read(path) if path.is_file() else ()
    found = [slider.index for slider in named]
    if len(set(found)) < len(found) or not set(found) <= set(indices):
        raise ValueError(
            f"{path}: every index from {indices[0]} to {indices[-1]} at most once; got {found}; {REPAIR_HINT}"
        )
    return named + unnamed_sliders([index for index in indices if index not in found])


def save_sliders(path: Path, sliders: Sequence[Slider]) -> None:
    """Write a file that `load_sliders` reads."""
    text = json.dumps([vars(slider) for slider in sliders], ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _read(path: Path) -> tuple[Slider, ...]:
    try:
        return tuple(Slider(**values) for values in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no sliders: {error}; {REPAIR_HINT}") from error
