"""The emoji set: openly licensed icons with transparency, and the names of their concepts in 28 languages.

    npm packages --build_emoji_set--> data/emoji-128/{icons.npy, index.json} --EmojiSet.load--> EmojiSet

An icon finds its concept by the code point that its icon set gives, else by name (names.py). Names and
keywords are those of Unicode's CLDR, in the npm package emojibase-data.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dalle.data.emoji.names import read_json

EMOJI_FOLDER = Path("data/emoji-128")

BUILD_COMMAND = "python -m dalle dataset emoji"

STYLES: dict[str, str] = {  # icon set -> what a caption calls its style
    "noto": "noto",
    "noto-v1": "noto blob",
    "twemoji": "twemoji",
    "fluent-emoji": "fluent 3d",
    "fluent-emoji-flat": "fluent flat",
    "fxemoji": "firefox",
    "emojione": "emojione",
    "openmoji": "openmoji",
}

SHAREALIKE = frozenset({"openmoji"})  # icon sets under a share-alike licence, left out by default

HELD_OUT_SHARE = 0.05  # of the concepts


@dataclass(frozen=True)
class Concept:
    """What an icon shows, with its names by language ("en", "de", "zh-hant"), where CLDR has any."""

    slug: str
    emoji: str
    group: str  # Unicode's, in lower case: "food & drink"
    subgroup: str  # Unicode's: "food-fruit"
    canonical: str  # slug of the concept it is a variant of ("man-running": "person-running"), or its own
    labels: dict[str, str]
    keywords: dict[str, tuple[str, ...]]

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "Concept":
        """A concept of index.json, where `canonical` has the key "base"."""
        fields = dict(entry)
        fields["canonical"] = fields.pop("base")
        fields["keywords"] = {language: tuple(words) for language, words in fields["keywords"].items()}
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`."""
        entry = asdict(self)
        entry["base"] = entry.pop("canonical")
        return entry


@dataclass(frozen=True)
class Icon:
    """One drawing: the index of its concept, and a key of `STYLES`."""

    concept: int
    style: str


@dataclass(frozen=True)
class SourcePackage:
    """An npm package of icons or names: its licence, and how many of its icons are in the set."""

    style: str  # a key of `STYLES`; "" for the names
    package: str
    version: str
    title: str
    author: str
    url: str
    licence: str  # SPDX
    licence_url: str
    used: int = 0  # icons in the set
    left_out: int = 0  # skin tones, flags, letters, and further icons of one concept
    unmatched: int = 0  # icons of no known emoji


@dataclass(frozen=True, eq=False)
class EmojiSet:
    """The built set."""

    concepts: tuple[Concept, ...]
    icons: tuple[Icon, ...]
    size: int
    digest: str  # SHA-256 of pixels and index
    licences: tuple[SourcePackage, ...]
    pixels: np.ndarray  # (len(icons), size, size, 4) uint8, straight alpha; a read-only memory map

    @classmethod
    def load(cls, folder: Path = EMOJI_FOLDER) -> "EmojiSet":
        """Open the set in `folder`; FileNotFoundError if there is none, ValueError if it is damaged."""
        folder = Path(folder)
        if not is_emoji_set(folder):
            raise FileNotFoundError(f"no emoji set in {folder}; build it by: {BUILD_COMMAND}")
        try:
            return cls._read(folder)
        except (ValueError, KeyError, TypeError, EOFError) as error:
            advice = f"delete the folder and build it again by: {BUILD_COMMAND}"
            raise ValueError(f"the emoji set in {folder} is damaged ({error}); {advice}") from error

    @classmethod
    def _read(cls, folder: Path) -> "EmojiSet":
        index = read_json(folder / "index.json")
        pixels = np.load(folder / "icons.npy", mmap_mode="r", allow_pickle=False)
        icons, size = tuple(Icon(*icon) for icon in index["icons"]), index["size"]
        if pixels.shape != (len(icons), size, size, 4) or pixels.dtype != np.uint8:
            raise ValueError(
                f"{len(icons)} icons of {size} pixels, but an array {pixels.shape} of {pixels.dtype}"
            )
        return cls(
            concepts=tuple(map(Concept.from_json, index["concepts"])),
            icons=icons,
            size=size,
            digest=index["digest"],
            licences=tuple(SourcePackage(**source) for source in index["licences"]),
            pixels=pixels,
        )

    def held_out(self, concept: int) -> bool:
        """Whether a concept is held out of the autoencoder's training; near-identical ones are together."""
        return is_held_out(self.concepts[concept].canonical)


def summarize(emoji: EmojiSet) -> str:
    """A table of the icon sets with their counts and licences, then totals and digest, as text."""
    languages = {language for concept in emoji.concepts for language in concept.labels}
    lines = [f"{'style':<18}{'used':>7}{'left out':>10}{'unmatched':>11}  licence"]
    for source in emoji.licences:
        if source.style:
            counts = f"{source.used:>7,}{source.left_out:>10,}{source.unmatched:>11,}"
            lines.append(f"{source.style:<18}{counts}  {source.licence}")
    lines.append(
        f"{len(emoji.icons):,} icons of {len(emoji.concepts):,} concepts at {emoji.size}x{emoji.size} pixels "
        f"in {len(languages)} languages; digest {emoji.digest[:16]}"
    )
    return "\n".join(lines)


def is_held_out(canonical: str) -> bool:
    """Whether the concepts with this canonical slug are held out: a share of HELD_OUT_SHARE, by hash."""
    start = hashlib.sha256(canonical.encode()).digest()[:4]
    return int.from_bytes(start, "big") < HELD_OUT_SHARE * 2**32


def is_emoji_set(folder: Path) -> bool:
    """Whether the folder has the files of a set."""
    return (folder / "index.json").is_file() and (folder / "icons.npy").is_file()
