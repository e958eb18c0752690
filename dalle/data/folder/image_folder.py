"""A person's pictures with their captions: from whatever they hand over to a folder that training reads.

    source  --gather-->  folder: metadata.csv, the pictures as PNG, report.json

The folder is an `imagefolder` of Hugging Face `datasets`: metadata.csv has the columns file_name and text.
Each file of the source becomes a picture, is read for captions, or is a Problem: nothing vanishes silently.
"""

import csv
import hashlib
import io
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from dalle import images
from dalle.data.folder import archive
from dalle.data.folder import caption_files as matching
from dalle.data.folder.archive import Entry, FolderError, ImportIssue, Quota, Source, shown
from dalle.data.folder.caption_files import COLUMNS, CaptionTable, check_caption
from dalle.errors import error_message
from dalle.files import write_text

SIDE = 256  # pixels: the shorter side of a picture that is kept, enough for every preset
KINDS = {
    "orphan": "unused captions",
    "caption": "odd captions",
    "small": "too small",
}  # else as they are called
SOURCES = {"folder": "named by their folders", "name": "named by their files", "typed": "typed"}


class Item(NamedTuple):
    """A picture of a folder."""

    name: str  # of its file
    caption: str  # empty where there is none yet
    source: str  # of the caption: "metadata" | "text" | "folder" | "name" | "typed" | ""


@dataclass(frozen=True)
class Folder:
    """Pictures with captions, and what became of the rest of their source."""

    path: Path
    items: tuple[Item, ...]
    problems: tuple[ImportIssue, ...]
    files: int  # in the source
    caption_files: int  # of them, used for captions

    @classmethod
    def open(cls, path: Path) -> "Folder":
        """Read a folder that `gather` made; raises FolderError where there is none."""
        try:
            report = json.loads((path / "report.json").read_text(encoding="utf-8"))
            with (path / "metadata.csv").open(encoding="utf-8", newline="") as file:
                rows = [[row[column] for column in COLUMNS] for row in csv.DictReader(file)]
            items = tuple(Item(name, text, report["sources"].get(name, "typed")) for name, text in rows)
            problems = tuple(ImportIssue(**problem) for problem in report["problems"])
            return cls(path, items, problems, report["files"], report["caption_files"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
            raise FolderError("not_gathered", path=str(path), error=repr(error)) from error

    def save(self) -> None:
        """Write metadata.csv and report.json."""
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([COLUMNS, *self.rows])
        report = {
            "files": self.files,
            "caption_files": self.caption_files,
            "sources": {item.name: item.source for item in self.items},
            "problems": [asdict(problem) for problem in self.problems],
        }
        write_text(self.path / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        write_text(self.path / "metadata.csv", table.getvalue())

    # --- captions

    @property
    def rows(self) -> list[tuple[str, str]]:
        """(name, caption) of each picture, as a table shows them."""
        return [(item.name, item.caption) for item in self.items]

    @property
    def uncaptioned(self) -> list[str]:
        """Names of the pictures that have no caption yet."""
        return [item.name for item in self.items if not item.caption]

    def recaptioned(self, rows: Iterable[tuple[str, str]]) -> "Folder":
        """The folder with these rows, saved; a picture without a row is removed, and told as a problem.

        Raises ValueError where a row names no picture, names one twice, or has a caption that cannot be used.
        """
        before = {item.name: item for item in self.items}
        given: dict[str, str] = {}
        for name, caption in rows:
            if name not in before:
                raise ValueError(f"{shown(name)!r} is none of the folder's {len(before)} pictures")
            if name in given:
                raise ValueError(f"{name!r} is given twice; leave one row of the two")
            given[name] = check_caption(caption)
        kept = [item for item in self.items if item.name in given]
        gone = [item.name for item in self.items if item.name not in given]
        folder = replace(
            self,
            items=tuple(
                item if item.caption == given[item.name] else Item(item.name, given[item.name], "typed")
                for item in kept
            ),
            problems=self.problems
            + tuple(ImportIssue.of(name, "removed", error_message("removed")) for name in gone),
        )
        folder.save()
        for name in gone:
            (self.path / name).unlink(missing_ok=True)
        return folder

    # --- pictures

    def pictures(self) -> list[Image.Image]:
        """The pictures in the order of `items`: RGBA where something is transparent, else RGB."""
        return [_opaque(images.read(self.path / item.name, alpha=True)) for item in self.items]

    def sheet(self, columns: int = 8, side: int = 96) -> Image.Image:
        """The pictures above their captions, transparency on white."""
        squares = [images.fit(picture.convert("RGBA"), side, "pad") for picture in self.pictures()]
        white = Image.new("RGBA", (side, side), "white")
        flat = [Image.alpha_composite(white, square).convert("RGB") for square in squares]
        return images.grid(flat, columns, [item.caption for item in self.items])

    def summary(self) -> str:
        """A line for people: "10 pictures, 8 captions matched, 2 named by their files; 1 unreadable"."""
        sources = Counter(item.source for item in self.items)
        matched = sources["metadata"] + sources["text"]
        parts = [_count(len(self.items), "picture"), f"{_count(matched, 'caption')} matched"]
        parts += [f"{sources[source]} {words}" for source, words in SOURCES.items() if sources[source]]
        if self.uncaptioned:
            parts.append(f"{len(self.uncaptioned)} without a caption")
        kinds = sorted(Counter(problem.kind for problem in self.problems).items())
        faults = ", ".join(f"{count} {KINDS.get(kind, kind)}" for kind, count in kinds)
        return ", ".join(parts) + (f"; {faults}" if faults else "")


def import_images(
    source: Source, path: Path, quota: Quota | None = None, before: Folder | None = None
) -> Folder:
    """Read a folder, a zip or a list of files into a new folder at `path`, which appears when it is complete.

    Where there is a folder from `before`, what is read is added to what that one holds. Pictures keep their
    transparency, lose their metadata, and are made no larger than training needs. Raises FolderError where
    the source is refused as a whole.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists; choose another folder or delete it")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    quota = quota or Quota()
    try:
        with archive.opened(source, quota) as (entries, problems):
            folder = _Gathering(scratch, quota, problems).run(entries, before or Folder(path, (), (), 0, 0))
        folder.save()
        scratch.chmod(0o755)
        scratch.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return replace(folder, path=path)


class _Gathering:
    """One reading of a source into the folder `home`."""

    def __init__(self, home: Path, quota: Quota, problems: list[ImportIssue]):
        self.home, self.quota, self.problems = home, quota, problems
        self.pixels = 0  # seen so far
        self.first: dict[bytes, str] = {}  # digest of a picture as it is kept -> the path that had it first
        self.names: set[str] = set()  # taken in `home`, in lower case

    def run(self, entries: list[Entry], before: Folder) -> Folder:
        files = len(entries) + len(self.problems)
        captions = CaptionTable(self.problems, self.quota.files)
        rest = [entry for entry in entries if not captions.read(entry)]
        older = self._take(before)
        kept: dict[int, str] = {}  # position in `rest` -> name in the folder
        for position, entry in enumerate(rest):
            if name := self._keep(entry):
                kept[position] = name
        items = self._captioned(older, kept, [entry.name for entry in rest], captions)
        problems = (*before.problems, *self.problems)
        return Folder(
            self.home, tuple(items), problems, before.files + files, before.caption_files + captions.files
        )

    def _captioned(
        self, older: list[Item], kept: dict[int, str], paths: list[str], captions: CaptionTable
    ) -> list[Item]:
        """The older items, then those kept from `paths`; under a name of both, a caption is the latter's."""
        in_classes = matching.classes([paths[position] for position in kept])
        items = older + [Item(name, *matching.by_path(paths[at], in_classes)) for at, name in kept.items()]
        stems = {matching.stem(matching.base(matching.normal(path))) for path in paths}
        bare = [
            index
            for index, item in enumerate(older)
            if not item.caption and matching.stem(item.name) not in stems
        ]
        at = dict(zip(kept, range(len(older), len(items)), strict=True)) | dict(enumerate(bare, len(paths)))
        for position, claim in captions.match(paths + [older[index].name for index in bare]).items():
            if position in at:
                items[at[position]] = Item(items[at[position]].name, claim.caption, claim.source)
        return items

    def _take(self, before: Folder) -> list[Item]:
        """Copy the pictures of a folder."""
        for item, picture in zip(before.items, before.pictures(), strict=True):
            shutil.copy(before.path / item.name, self.home)
            self.first[_digest(picture)] = item.name
            self.names.add(item.name.lower())
        return list(before.items)

    def _keep(self, entry: Entry) -> str:
        """Keep an entry as a picture; -> its name in the folder, empty where there is a problem with it."""
        picture = self._picture(entry)
        if isinstance(picture, ImportIssue):
            self.problems.append(picture)
            return ""
        name = self._name(entry.name)
        picture.save(self.home / name)
        return name

    def _picture(self, entry: Entry) -> Image.Image | ImportIssue:
        """The picture of an entry as it is kept, or its problem."""
        quota = self.quota
        if len(self.names) >= quota.pictures:
            return ImportIssue.of(entry.name, "refused", error_message("pictures", most=quota.pictures))
        try:
            content = entry.read()
        except Exception as error:  # a damaged zip makes Python raise zlib.error, EOFError, BadZipFile, ...
            return ImportIssue.of(entry.name, "unreadable", error_message("closed", error=str(error)))
        if content.startswith(archive.ZIP):
            return ImportIssue.of(entry.name, "refused", archive.NESTED)
        try:
            picture = images.read(content, alpha=True)
        except images.ImageError as error:
            return ImportIssue.of(entry.name, "unreadable", error.reason)
        self.pixels += picture.width * picture.height
        if self.pixels > quota.total_pixels:
            return ImportIssue.of(
                entry.name, "refused", error_message("megapixels", most=round(quota.total_pixels / 1e6))
            )
        if min(picture.size) < quota.side:
            size = {"width": picture.width, "height": picture.height}
            return ImportIssue.of(entry.name, "small", error_message("small", side=quota.side, **size))
        picture = _shrunk(_opaque(picture))
        digest = _digest(picture)
        if digest in self.first:
            return ImportIssue.of(
                entry.name, "duplicate", error_message("duplicate", first=shown(self.first[digest]))
            )
        self.first[digest] = entry.name
        return picture

    def _name(self, path: str) -> str:
        """A plain file name that no other picture has; a stranger's own may be anything."""
        stem = re.sub(r"[^\w-]+", "-", matching.stem(matching.base(matching.normal(path)))).strip("-")[:60]
        stem, number = stem or "picture", 1
        name = f"{stem}.png"
        while name.lower() in self.names:
            number += 1
            name = f"{stem}-{number}.png"
        self.names.add(name.lower())
        return name


def _digest(picture: Image.Image) -> bytes:
    return hashlib.sha256(f"{picture.mode} {picture.width} ".encode() + picture.tobytes()).digest()


def _opaque(picture: Image.Image) -> Image.Image:
    """RGBA -> RGB where nothing is transparent."""
    return picture if picture.getchannel("A").getextrema()[0] < 255 else picture.convert("RGB")


def _shrunk(picture: Image.Image) -> Image.Image:
    """No larger than training needs."""
    scale = SIDE / min(picture.size)
    if scale >= 1:
        return picture
    width, height = (round(side * scale) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
