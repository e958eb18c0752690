"""Texts of the page in English and Chinese, and a Translator that looks them up.

The texts are in texts.tsv; error_texts_zh.tsv translates the error messages of dalle/errors.py.
"""

import math
from pathlib import Path

from dalle.errors import ENGLISH_TEXTS, ErrorMessage

LANGUAGES = {"en": "EN", "zh": "中文"}  # the columns of texts.tsv, with the names that the page shows
LANGUAGE_TAGS = {"en": "en", "zh": "zh-CN"}  # BCP 47, for the lang attribute in HTML


def _read_table(name: str) -> dict[str, tuple[str, ...]]:
    """A file of tab-separated lines beside this one: first column -> the other columns."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {key: tuple(texts) for key, *texts in rows}


_CHINESE_ERRORS = _read_table("error_texts_zh.tsv")
TEXTS = _read_table("texts.tsv") | {
    f"error_{code}": (english, *_CHINESE_ERRORS[code]) for code, english in ENGLISH_TEXTS.items()
}  # key -> one text for each of LANGUAGES


class Translator:
    """Looks up texts in one language: translate("draw") -> "Draw"."""

    def __init__(self, language: str):
        """Raises ValueError for a language that is not among LANGUAGES."""
        if language not in LANGUAGES:
            raise ValueError(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self._column = list(LANGUAGES).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """The text of `key` with `values` filled in. Raises KeyError for an unknown key."""
        return TEXTS[key][self._column].format(**values)

    def error_message(self, message: ErrorMessage) -> str:
        """An error message of the library in this language; its values may be error messages too."""
        values = {
            name: self.error_message(value) if isinstance(value, ErrorMessage) else value
            for name, value in message.values.items()
        }
        return self(f"error_{message.code}", **values)


def format_duration(translate: Translator, seconds: float) -> str:
    """An estimated time, rounded: "about 4 min"."""
    if seconds < 90:
        return translate("about_seconds", count=math.ceil(seconds))
    if seconds < 5400:
        return translate("about_minutes", count=round(seconds / 60))
    return translate("about_hours", count=f"{seconds / 3600:.1f}")
