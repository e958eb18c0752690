"""Slider: the number of the code that it moves, and its names; sliders.json of a checkpoint.

The file is a list of objects with the fields of `Slider`, those that change pictures most first.
"""

import json
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


def unnamed_sliders(count: int) -> tuple[Slider, ...]:
    """One for each of `count` numbers of a code."""
    return tuple(unnamed_slider(index) for index in range(count))


def load_sliders(path: Path, count: int) -> tuple[Slider, ...]:
    """One slider for each of `count` numbers of a code: those of the file, then unnamed ones for the others.

    Without a file all are unnamed. Raises ValueError where the file holds something else.
    """
    named = _read(path) if path.is_file() else ()
    indices = [slider.index for slider in named]
    if len(set(indices)) < len(indices) or not set(indices) <= set(range(count)):
        raise ValueError(
            f"{path}: every index from 0 to {count - 1} at most once; got {indices}; {REPAIR_HINT}"
        )
    return named + tuple(unnamed_slider(index) for index in range(count) if index not in indices)


def save_sliders(path: Path, sliders: tuple[Slider, ...]) -> None:
    """Write a file that `load_sliders` reads."""
    text = json.dumps([vars(slider) for slider in sliders], ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _read(path: Path) -> tuple[Slider, ...]:
    try:
        return tuple(Slider(**values) for values in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no sliders: {error}; {REPAIR_HINT}") from error
