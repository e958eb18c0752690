"""Captions from files, and the images that they belong to. In order of precedence:

1. metadata.csv or metadata.jsonl with file_name and text, for images below its folder
2. cat.txt beside cat.png
3. the subfolder's name, if all images are in subfolders, two or more
4. the file's name, unless a camera gave it; then the subfolder's

Browsers flatten folders, so a caption of 1 or 2 whose path fits no image is matched by the base name alone.
"""

import csv
import io
import json
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from dalle.data.folder.archive import MAX_SHOWN_NAME, ImportIssue, SourceFile, printable
from dalle.errors import ErrorMessage, InputError, error_message

METADATA_FILES = ("metadata.csv", "metadata.jsonl")
METADATA_COLUMNS = ("file_name", "text")
MAX_CAPTION = 1_000  # characters, as in a recipe
MAX_NAME_CHARACTERS = MAX_SHOWN_NAME + 1  # read of a name: CAMERA_NAME takes quadratic time
# Names that cameras, chats and programs give, which say nothing about the image.
CAMERA_NAME = re.compile(
    r"(img|image|dsc[nf]?|dji|gopr|mvi|pxl|pic|picture|photo|foto|bild|scan|screenshot|untitled"
    r"|whatsapp image)?[\d ]*( at| wa| copy)?[\d ]*|(?=.*\d)[0-9a-f ]{8,}",
    re.IGNORECASE,
)


def check_caption(caption: str) -> str:
    """The caption with single spaces; InputError if it is too long or has control characters."""
    tidy = " ".join(caption.split())
    if len(tidy) > MAX_CAPTION:
        raise InputError("long", most=MAX_CAPTION, length=len(tidy))
    if control := [c for c in tidy if unicodedata.category(c) in ("Cc", "Cs")]:
        raise InputError("control", caption=printable(tidy), character=f"U+{ord(control[0]):04X}")
    return tidy


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def without_suffix(path: str) -> str:
    """A path without its file suffix."""
    suffix = PurePosixPath(path).suffix
    return path[: -len(suffix)] if suffix else path


def normalize_path(path: str) -> str:
    """A path for comparison: macOS spells accents with other code points than Linux and Windows."""
    return unicodedata.normalize("NFC", path)


# --- captions in files


class CaptionRow(NamedTuple):
    """A caption of a file, before its image is found."""

    target: str  # path of the image; without its suffix if the caption is from a .txt
    caption: str
    source: str  # "metadata" | "text"
    location: str  # file and row, for messages


class CaptionTable:
    """Reads caption files, then matches their captions with images. Adds what cannot be used to `issues`."""

    def __init__(self, issues: list[ImportIssue], max_rows: int):
        self.issues, self.max_rows = issues, max_rows
        self.rows: list[CaptionRow] = []
        self.used_files = 0  # tables that were read, and .txt files whose image was found

    def read(self, file: SourceFile) -> bool:
        """Take the captions of a file, if its name is one of a caption file -> whether it is."""
        name = base_name(file.name).lower()
        if name not in METADATA_FILES and not name.endswith(".txt"):
            return False
        try:
            text = file.read().decode("utf-8-sig")
            if name in METADATA_FILES:
                self._add_table(file.name, _read_csv(text) if name.endswith(".csv") else _read_jsonl(text))
                self.used_files += 1
            else:
                self._add(without_suffix(file.name), text, "text", file.name)
        except InputError as error:
            self._report(file.name, "unreadable", error.message)
        except Exception as error:  # UnicodeDecodeError, csv.Error, and what a damaged zip makes Python raise
            self._report(file.name, "unreadable", error_message("not_text", error=str(error)))
        return True

    def _add_table(self, name: str, rows: Iterator[Mapping[str, object]]) -> None:
        folder = PurePosixPath(name).parent
        for number, row in enumerate(rows, 1):
            location = f"{name}, row {number}"
            if number > self.max_rows:
                self._report(location, "caption", error_message("rows", most=self.max_rows))
                return
            file, caption = (row.get(column) for column in METADATA_COLUMNS)
            if isinstance(file, str) and isinstance(caption, str):
                path = posixpath.normpath(f"{folder}/{file.strip()}".replace("\\", "/"))
                self._add(path, caption, "metadata", f"{location} ({file.strip()})")
            else:
                self._report(location, "caption", error_message("row", row=printable(str(row))))

    def _add(self, target: str, caption: str, source: str, location: str) -> None:
        try:
            tidy = check_caption(caption)
        except InputError as error:
            self._report(location, "caption", error.message)
            return
        if tidy:
            self.rows.append(CaptionRow(normalize_path(target), tidy, source, location))
        else:
            self._report(location, "caption", error_message("wordless"))

    def match(self, paths: Sequence[str]) -> dict[int, CaptionRow]:
        """Find the row of each image, by the image's position in `paths`; metadata wins over .txt files."""
        matched: dict[int, CaptionRow] = {}
        rows = sorted(self.rows, key=lambda row: row.source != "metadata")
        for key in (str, base_name):  # by the whole path, then by the base name
            positions: dict[tuple[str, str], list[int]] = defaultdict(list)
            for position, path in enumerate(map(normalize_path, paths)):
                positions["metadata", key(path)].append(position)
                positions["text", without_suffix(key(path))].append(position)
            unmatched = []
            for row in rows:
                if not self._assign(row, positions[row.source, key(row.target)], matched):
                    unmatched.append(row)
            rows = unmatched
        for row in rows:
            self._report(row.location, "orphan", error_message("pictureless"))
        return matched

    def _assign(self, row: CaptionRow, positions: Sequence[int], matched: dict[int, CaptionRow]) -> bool:
        """Give a row to the image at its only fitting position, or report why not -> whether any fits."""
        if not positions:
            return False
        if len(positions) > 1:
            self._report(row.location, "orphan", error_message("namesakes", count=len(positions)))
        elif positions[0] in matched:
            first = printable(matched[positions[0]].location)
            self._report(row.location, "orphan", error_message("captioned", first=first))
        else:
            matched[positions[0]] = row
            self.used_files += row.source == "text"
        return True

    def _report(self, name: str, kind: str, reason: ErrorMessage) -> None:
        self.issues.append(ImportIssue.from_message(name, kind, reason))


def _read_csv(text: str) -> Iterator[Mapping[str, object]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if missing := [column for column in METADATA_COLUMNS if column not in (reader.fieldnames or ())]:
        raise InputError("column", column=missing[0], columns=printable(str(reader.fieldnames)))
    yield from reader


def _read_jsonl(text: str) -> Iterator[Mapping[str, object]]:
    for line in filter(str.strip, text.splitlines()):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else {"no JSON object": line}


# --- captions in names


def has_class_folders(paths: Sequence[str]) -> bool:
    """Whether images are sorted into two or more subfolders, with none outside."""
    parents = {str(PurePosixPath(path).parent) for path in paths}
    return len(parents) > 1 and "." not in parents


def caption_from_path(path: str, in_classes: bool) -> tuple[str, str]:
    """(caption, source) from an image's path, source "folder" or "name"; ("", "") if neither has words.

    `in_classes`: prefer the folder's name, as `has_class_folders` found.
    """
    folder, name = _words(PurePosixPath(path).parent.name), _words(without_suffix(base_name(path)))
    if folder and (in_classes or not name):
        return folder, "folder"
    return (name, "name") if name else ("", "")


def _words(name: str) -> str:
    """The words of a name: "red_car (2)" -> "red car"; "" for a name that a camera or a program gave."""
    words = " ".join(re.sub(r"[_\W]+", " ", normalize_path(name)).split())[:MAX_NAME_CHARACTERS]
    return "" if CAMERA_NAME.fullmatch(words) else printable(re.sub(r" \d+$", "", words))
