"""A folder of a user's images with captions, in the format `imagefolder` of Hugging Face `datasets`.

It holds metadata.csv with the columns file_name and text, the images as PNG, and report.json: where each
caption is from, and the issues of the import.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from dalle import images
from dalle.data.folder.archive import ImportIssue, SourceError, printable
from dalle.data.folder.caption_files import METADATA_COLUMNS, check_caption
from dalle.errors import error_message
from dalle.files import write_text_atomically

ISSUE_LABELS = {  # in the summary; other kinds are their own label
    "orphan": "unused captions",
    "caption": "odd captions",
    "small": "too small",
}
SOURCE_LABELS = {"folder": "named by their folders", "name": "named by their files", "typed": "typed"}


class CaptionedImage(NamedTuple):
    """An image of a folder."""

    name: str  # of its file
    caption: str  # "" if it has none yet
    source: str  # of the caption: "metadata" | "text" | "folder" | "name" | "typed" | ""

    def with_typed_caption(self, caption: str) -> "CaptionedImage":
        return CaptionedImage(self.name, caption, "typed")


@dataclass(frozen=True)
class ImageFolder:
    """Images with captions, and what became of the other files of their sources."""

    path: Path
    items: tuple[CaptionedImage, ...]
    issues: tuple[ImportIssue, ...]
    file_count: int  # files in the sources
    caption_file_count: int  # of these, files whose captions are used

    @classmethod
    def open(cls, path: Path) -> "ImageFolder":
        """Read a folder that `import_images` made; SourceError if there is none."""
        try:
            report = json.loads((path / "report.json").read_text(encoding="utf-8"))
            with (path / "metadata.csv").open(encoding="utf-8", newline="") as file:
                rows = [[row[column] for column in METADATA_COLUMNS] for row in csv.DictReader(file)]
            items = tuple(
                CaptionedImage(name, text, report["sources"].get(name, "typed")) for name, text in rows
            )
            issues = tuple(ImportIssue(**issue) for issue in report["problems"])
            return cls(path, items, issues, report["files"], report["caption_files"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
            raise SourceError("not_gathered", path=str(path), error=repr(error)) from error

    def save(self) -> None:
        """Write metadata.csv and report.json."""
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([METADATA_COLUMNS, *self.rows])
        report = {
            "files": self.file_count,
            "caption_files": self.caption_file_count,
            "sources": {item.name: item.source for item in self.items},
            "problems": [asdict(issue) for issue in self.issues],
        }
        write_text_atomically(
            self.path / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n"
        )
        write_text_atomically(self.path / "metadata.csv", table.getvalue())

    @property
    def rows(self) -> list[tuple[str, str]]:
        """(name, caption) of each image."""
        return [(item.name, item.caption) for item in self.items]

    @property
    def uncaptioned(self) -> list[str]:
        """Names of the images that have no caption yet."""
        return [item.name for item in self.items if not item.caption]

    def with_captions(self, rows: Iterable[tuple[str, str]]) -> "ImageFolder":
        """Save and return the folder with these (name, caption) rows; an image without a row is removed.

        Raises ValueError for a row that names no image of the folder or one twice, or for a caption that is
        not valid.
        """
        captions = self._check_rows(rows)
        items = tuple(
            item if item.caption == captions[item.name] else item.with_typed_caption(captions[item.name])
            for item in self.items
            if item.name in captions
        )
        removed = [item.name for item in self.items if item.name not in captions]
        issues = (ImportIssue.from_message(name, "removed", error_message("removed")) for name in removed)
        folder = replace(self, items=items, issues=(*self.issues, *issues))
        folder.save()
        for name in removed:
            (self.path / name).unlink(missing_ok=True)
        return folder

    def _check_rows(self, rows: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Name of each image with a row -> its valid caption."""
        names = {item.name for item in self.items}
        captions: dict[str, str] = {}
        for name, caption in rows:
            if name not in names:
                raise ValueError(f"{printable(name)!r} is none of the folder's {len(names)} pictures")
            if name in captions:
                raise ValueError(f"{name!r} is given twice; leave one row of the two")
            captions[name] = check_caption(caption)
        return captions

    def read_images(self) -> list[Image.Image]:
        """The images in the order of `items`: RGBA if anything is transparent, else RGB."""
        return [drop_opaque_alpha(images.read(self.path / item.name, alpha=True)) for item in self.items]

    def sample_grid(self, columns: int = 8, side: int = 96) -> Image.Image:
        """The images above their captions, transparency on white."""
        squares = [images.to_square(picture.convert("RGBA"), side, "pad") for picture in self.read_images()]
        white = Image.new("RGBA", (side, side), "white")
        flat = [Image.alpha_composite(white, square).convert("RGB") for square in squares]
        return images.grid(flat, columns, [item.caption for item in self.items])

    def summary(self) -> str:
        """One line for people: "10 pictures, 8 captions matched, 2 named by their files; 1 unreadable"."""
        sources = Counter(item.source for item in self.items)
        matched = sources["metadata"] + sources["text"]
        parts = [_count(len(self.items), "picture"), f"{_count(matched, 'caption')} matched"]
        parts += [f"{sources[source]} {label}" for source, label in SOURCE_LABELS.items() if sources[source]]
        if self.uncaptioned:
            parts.append(f"{len(self.uncaptioned)} without a caption")
        kinds = sorted(Counter(issue.kind for issue in self.issues).items())
        issues = ", ".join(f"{count} {ISSUE_LABELS.get(kind, kind)}" for kind, count in kinds)
        return ", ".join(parts) + (f"; {issues}" if issues else "")


def drop_opaque_alpha(picture: Image.Image) -> Image.Image:
    """RGBA -> RGB if nothing is transparent."""
    opaque = picture.getchannel("A").getextrema() == (255, 255)
    return picture.convert("RGB") if opaque else picture


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
