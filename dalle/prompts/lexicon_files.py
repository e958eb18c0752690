"""The lexicon in a checkpoint's folder: two lists as JSON and two tables; each file is optional.

labels.json, words.json, names.tsv, thesaurus.tsv  <-->  Lexicon
"""

from pathlib import Path

from dalle.files import read_string_list, write_string_list
from dalle.prompts.lexicon import (
    NAMES_FILE,
    THESAURUS_FILE,
    Lexicon,
    load_names,
    load_thesaurus,
    save_names,
    save_thesaurus,
)

LABELS_FILE = "labels.json"  # captions of one thing each
WORDS_FILE = "words.json"  # of the training captions, the most frequent first
LEXICON_FILES = (LABELS_FILE, WORDS_FILE, NAMES_FILE, THESAURUS_FILE)
MAX_TEXTS = 200_000  # of a list: all are kept in memory


def load_lexicon(folder: Path) -> Lexicon:
    """The lexicon of a checkpoint; empty without files. Raises ValueError or OSError for damaged ones."""
    labels = _read(folder / LABELS_FILE)
    return Lexicon(
        labels, _read(folder / WORDS_FILE), load_names(folder, labels), load_thesaurus(folder, labels)
    )


def save_lexicon(folder: Path, lexicon: Lexicon) -> None:
    """Write the files that `load_lexicon` reads; none for what is empty."""
    write_string_list(folder / LABELS_FILE, lexicon.labels)
    write_string_list(folder / WORDS_FILE, lexicon.words)
    save_names(folder, lexicon.names)
    save_thesaurus(folder, lexicon.thesaurus)


def _read(path: Path) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(read_string_list(path)))
    if len(texts) > MAX_TEXTS:
        raise ValueError(
            f"{path} has {len(texts):,} texts, at most {MAX_TEXTS:,} are read: delete the others"
        )
    return texts
