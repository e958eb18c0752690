"""What a source offers before anything is chosen: drawings by name, with their words and credit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dalle.data.emoji.names import codepoint_key, read_json
from dalle.data.emoji.svg import SvgIcon, read_icon_set
from dalle.data.sprites.raster import Artwork
from dalle.data.sprites.sources import SourceSpec

MAX_BODY = 300_000  # characters of SVG: what is longer takes seconds to draw and shows too much
NUMBERED = re.compile(r"-(?:\d{1,2}|one|two|three|four|five|alt\d?|variant|simple|duo)$")


@dataclass(frozen=True)
class Candidate:
    """One drawing of a source. `id` is its name there; `phrases` are what it may show, best first."""

    id: str
    artwork: Artwork
    phrases: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    credit: str = ""  # the author, where the source names one for each drawing
    defect: str = ""  # why it is unusable, where that is known without drawing it


def read_icons(spec: SourceSpec, package: Path) -> tuple[list[Candidate], int]:
    """One drawing of each name in an Iconify set, the best of its variants; how many drawings the set has."""
    icons = read_json(package / (spec.member or "icons.json"))
    drawings = read_icon_set({**icons, "aliases": {}})
    best: dict[str, tuple[int, str]] = {}
    for name in sorted(drawings):
        if not icons["icons"][name].get("hidden"):
            base, rank = _variant(name, spec.variants)
            best[base] = min(best.get(base, (rank, name)), (rank, name))
    icons_found = [_icon(name, base, drawings[name]) for base, (_, name) in sorted(best.items())]
    return icons_found, len(drawings)


def _variant(name: str, variants: tuple[str, ...]) -> tuple[str, int]:
    """An icon's name without the suffix that tells its variant, and that variant's rank."""
    for suffix in sorted(variants, key=len, reverse=True):
        if suffix and name.endswith(suffix):
            return name.removesuffix(suffix), variants.index(suffix)
    return name, variants.index("") if "" in variants else len(variants)


def _icon(name: str, base: str, drawing: SvgIcon) -> Candidate:
    defect = "raster" if "<image" in drawing.body else "too complex" if len(drawing.body) > MAX_BODY else ""
    return Candidate(name, artwork_of(drawing), (phrase(base),), defect=defect)


def artwork_of(drawing: SvgIcon) -> Artwork:
    """A drawing of an Iconify set as artwork; what has no colour of its own (currentColor) is black."""
    return Artwork(drawing.body, drawing.box, drawing.mirrored)


def phrase(name: str) -> str:
    """An icon's name in words, without the numbers of its variants: "bear-head-2" -> "bear head"."""
    while NUMBERED.search(name):
        name = NUMBERED.sub("", name)
    return name.replace("-", " ").replace("_", " ").strip().lower()


def _webp(file: Path) -> Artwork:
    from PIL import Image

    with Image.open(file) as picture:
        return Artwork(box=(0, 0, *picture.size), webp=file.read_bytes())


def read_codepoints(spec: SourceSpec, package: Path) -> Iterator[tuple[str, Artwork]]:
    """(emoji, artwork) of a folder of WebP files that are named by code points."""
    for file in sorted((package / spec.member).glob("*.webp")):
        yield codepoint_key(file.stem), _webp(file)
