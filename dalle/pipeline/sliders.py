"""What each slider does, and its name: one slider a number of the code, the most telling first.

A checkpoint keeps them in sliders.json: a list of objects with the fields of `Slider`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("en", "zh")
MEND = "delete the file, or copy the checkpoint again"


@dataclass(frozen=True)
class Slider:
    """A slider over one number of the code; texts by language, "en" and "zh"."""

    index: int  # which number, from 0
    name: dict[str, str]  # "size"
    low: dict[str, str]  # how pictures look at its lower end: "small"
    high: dict[str, str]  # and at its upper end: "large"

    def __post_init__(self) -> None:
        if type(self.index) is not int:
            raise ValueError(f"a slider's index must be a whole number; got {self.index!r:.80}")
        for field in ("name", "low", "high"):
            texts = getattr(self, field)
            if not isinstance(texts, dict) or not all(isinstance(texts.get(at), str) for at in LANGUAGES):
                raise ValueError(f"a slider's {field} needs a text in each of {LANGUAGES}; got {texts!r}")


def unnamed(index: int) -> Slider:
    """A slider that nobody has looked at yet."""
    less, more = ({language: sign for language in LANGUAGES} for sign in "−+")
    return Slider(index, {"en": f"latent {index + 1}", "zh": f"潜变量 {index + 1}"}, less, more)


def load(path: Path, numbers: int) -> tuple[Slider, ...]:
    """One slider for each of the code's `numbers`: those of the file first, in its order, then plain ones.

    All are plain where there is no file. Raises ValueError where it holds something else.
    """
    named = _read(path) if path.is_file() else ()
    indices = [slider.index for slider in named]
    if len(set(indices)) < len(indices) or not set(indices) <= set(range(numbers)):
        raise ValueError(f"{path}: every index from 0 to {numbers - 1} at most once; got {indices}; {MEND}")
    return named + tuple(unnamed(index) for index in range(numbers) if index not in indices)


def save(path: Path, sliders: tuple[Slider, ...]) -> None:
    """Write a file that `load` reads."""
    text = json.dumps([vars(slider) for slider in sliders], ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _read(path: Path) -> tuple[Slider, ...]:
    try:
        return tuple(Slider(**values) for values in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no sliders: {error}; {MEND}") from error
