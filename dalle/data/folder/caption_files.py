"""Captions and the pictures they belong to, where a person keeps both in files.

1. metadata.csv or metadata.jsonl with file_name and text, for pictures below its folder
2. cat.txt beside cat.png
3. the subfolder's name, where all pictures are in subfolders, two or more
4. the file's name, unless a camera gave it; then the subfolder's

Browsers flatten folders: a caption of 1 or 2 whose path fits no picture looks for its base name alone.
"""

import csv
import io
import json
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from dalle.data.folder.archive import MAX_NAME, Entry, ImportIssue, shown
from dalle.errors import ErrorMessage, InputError, error_message

METADATA = ("metadata.csv", "metadata.jsonl")
COLUMNS = ("file_name", "text")
MAX_CAPTION = 1_000  # characters, as in a recipe
MAX_WORDS = MAX_NAME + 1  # characters of a name that are read: NUMBERED takes time by their square
# Names that cameras, chats and programs give say nothing about the picture.
NUMBERED = re.compile(
    r"(img|image|dsc[nf]?|dji|gopr|mvi|pxl|pic|picture|photo|foto|bild|scan|screenshot|untitled"
    r"|whatsapp image)?[\d ]*( at| wa| copy)?[\d ]*|(?=.*\d)[0-9a-f ]{8,}",
    re.IGNORECASE,
)


def check_caption(caption: str) -> str:
    """The caption, its spaces tidied; raises Refused where it is too long or has control characters."""
    tidy = " ".join(caption.split())
    if len(tidy) > MAX_CAPTION:
        raise InputError("long", most=MAX_CAPTION, length=len(tidy))
    if odd := [c for c in tidy if unicodedata.category(c) in ("Cc", "Cs")]:
        raise InputError("control", caption=shown(tidy), character=f"U+{ord(odd[0]):04X}")
    return tidy


def base(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def stem(path: str) -> str:
    """A path without its suffix."""
    suffix = PurePosixPath(path).suffix
    return path[: -len(suffix)] if suffix else path


def normal(path: str) -> str:
    """A path as it compares: macOS spells accents in another way than Linux and Windows."""
    return unicodedata.normalize("NFC", path)


# --- captions in files


class CaptionRow(NamedTuple):
    """A caption that looks for its picture."""

    target: str  # path of the picture, without its suffix where the caption came from a .txt
    caption: str
    source: str  # "metadata" | "text"
    told: str  # where it stands, for people


class CaptionTable:
    """Reads caption files, then finds their pictures; what cannot be used is added to `problems`."""

    def __init__(self, problems: list[ImportIssue], max_rows: int):
        self.problems, self.max_rows = problems, max_rows
        self.claims: list[CaptionRow] = []
        self.files = 0  # that were used: a table that was read, a .txt whose picture was found

    def read(self, entry: Entry) -> bool:
        """Take the captions of a file; -> whether it is one for captions, by its name."""
        name = base(entry.name).lower()
        if name not in METADATA and not name.endswith(".txt"):
            return False
        try:
            text = entry.read().decode("utf-8-sig")
            if name in METADATA:
                self._table(entry.name, _csv(text) if name.endswith(".csv") else _jsonl(text))
                self.files += 1
            else:
                self._claim(stem(entry.name), text, "text", entry.name)
        except InputError as error:
            self._problem(entry.name, "unreadable", error.reason)
        except Exception as error:  # UnicodeDecodeError, csv.Error, and what a damaged zip makes Python raise
            self._problem(entry.name, "unreadable", error_message("not_text", error=str(error)))
        return True

    def _table(self, name: str, rows: Iterator[dict[str, object]]) -> None:
        home = PurePosixPath(name).parent
        for number, row in enumerate(rows, 1):
            told = f"{name}, row {number}"
            if number > self.max_rows:
                self._problem(told, "caption", error_message("rows", most=self.max_rows))
                return
            file, caption = (row.get(column) for column in COLUMNS)
            if isinstance(file, str) and isinstance(caption, str):
                path = posixpath.normpath(f"{home}/{file.strip()}".replace("\\", "/"))
                self._claim(path, caption, "metadata", f"{told} ({file.strip()})")
            else:
                self._problem(told, "caption", error_message("row", row=shown(str(row))))

    def _claim(self, target: str, caption: str, source: str, told: str) -> None:
        try:
            tidy = check_caption(caption)
        except InputError as error:
            self._problem(told, "caption", error.reason)
            return
        if tidy:
            self.claims.append(CaptionRow(normal(target), tidy, source, told))
        else:
            self._problem(told, "caption", error_message("wordless"))

    def match(self, paths: Sequence[str]) -> dict[int, CaptionRow]:
        """The claim of each picture that has one, by its position in `paths`."""
        matched: dict[int, CaptionRow] = {}
        claims = sorted(self.claims, key=lambda claim: claim.source != "metadata")
        for key in (str, base):  # by the whole path, then by the base name
            positions: dict[tuple[str, str], list[int]] = defaultdict(list)
            for position, path in enumerate(map(normal, paths)):
                positions["metadata", key(path)].append(position)
                positions["text", stem(key(path))].append(position)
            claims, tried = [], claims
            for claim in tried:
                found = positions[claim.source, key(claim.target)]
                if not found:
                    claims.append(claim)
                elif len(found) > 1:
                    self._problem(claim.told, "orphan", error_message("namesakes", count=len(found)))
                elif found[0] in matched:
                    first = shown(matched[found[0]].told)
                    self._problem(claim.told, "orphan", error_message("captioned", first=first))
                else:
                    matched[found[0]] = claim
                    self.files += claim.source == "text"
        for claim in claims:
            self._problem(claim.told, "orphan", error_message("pictureless"))
        return matched

    def _problem(self, name: str, kind: str, reason: ErrorMessage) -> None:
        self.problems.append(ImportIssue.of(name, kind, reason))


def _csv(text: str) -> Iterator[dict[str, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise InputError("column", column=missing[0], columns=shown(str(reader.fieldnames)))
    yield from reader


def _jsonl(text: str) -> Iterator[dict[str, object]]:
    for line in filter(str.strip, text.splitlines()):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else {"no JSON object": line}


# --- captions in names


def classes(paths: Sequence[str]) -> bool:
    """Whether pictures are sorted into subfolders."""
    parents = {str(PurePosixPath(path).parent) for path in paths}
    return len(parents) > 1 and "." not in parents


def by_path(path: str, in_classes: bool) -> tuple[str, str]:
    """What a picture's path says, and whether its "folder" or its "name" does; both empty for nothing."""
    folder, name = _words(PurePosixPath(path).parent.name), _words(stem(base(path)))
    if folder and (in_classes or not name):
        return folder, "folder"
    return (name, "name") if name else ("", "")


def _words(name: str) -> str:
    """What a name says: "red_car (2)" -> "red car"; empty where only a camera or a program gave it."""
    words = " ".join(re.sub(r"[_\W]+", " ", normal(name)).split())[:MAX_WORDS]
    return "" if NUMBERED.fullmatch(words) else shown(re.sub(r" \d+$", "", words))
