"""The emoji set: openly licensed icons with transparency, and their concepts' names in 28 languages.

    npm packages --build--> data/emoji-128/{icons.npy, index.json} --EmojiSet.load--> pixels, icons, concepts

A drawing finds its concept by code point where its set's chars.json tells it, else by name (names.py).
Names and keywords are those of Unicode's CLDR, as the package emojibase-data carries them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dalle.data.emoji.names import read

DEFAULT_FOLDER = Path("data/emoji-128")

COMMAND = "python -m dalle dataset emoji"

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

SHAREALIKE = frozenset({"openmoji"})

HELD_OUT_SHARE = 0.05


@dataclass(frozen=True)
class Concept:
    """What icons show, named by language: "en", "de", "zh-hant"; a language without a name is absent."""

    slug: str
    emoji: str
    group: str  # Unicode's, in lower case: "food & drink"
    subgroup: str  # Unicode's: "food-fruit"
    base: (
        str  # slug of the concept that this one nearly repeats ("man-running": "person-running"), or its own
    )
    labels: dict[str, str]
    keywords: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Icon:
    """One drawing: the index of its concept, and a key of `STYLES`."""

    concept: int
    style: str


@dataclass(frozen=True)
class Source:
    """Where drawings or names came from, under which licence, and what became of the drawings."""

    style: str  # "" for the names
    package: str
    version: str
    title: str
    author: str
    url: str
    licence: str  # SPDX
    licence_url: str
    used: int = 0
    left_out: int = 0  # skin tones, flags, letters, and second drawings of one concept
    unmatched: int = 0  # drawings that are of no emoji we know


@dataclass(frozen=True, eq=False)
class EmojiSet:
    """The built set. `pixels` (len(icons), size, size, 4) is a read-only uint8 memmap, alpha straight."""

    concepts: tuple[Concept, ...]
    icons: tuple[Icon, ...]
    size: int
    digest: str  # sha256 of pixels and index
    licences: tuple[Source, ...]
    pixels: np.ndarray

    @classmethod
    def load(cls, folder: Path = DEFAULT_FOLDER) -> "EmojiSet":
        """Open the set in `folder`: FileNotFoundError where there is none, ValueError where it is damaged."""
        folder = Path(folder)
        if not _is_emoji_set(folder):
            raise FileNotFoundError(f"no emoji set in {folder}; build it by: {COMMAND}")
        try:
            return cls._read(folder)
        except (ValueError, KeyError, TypeError, EOFError) as error:
            advice = f"delete the folder and build it again by: {COMMAND}"
            raise ValueError(f"the emoji set in {folder} is damaged ({error}); {advice}") from error

    @classmethod
    def _read(cls, folder: Path) -> "EmojiSet":
        index = read(folder / "index.json")
        pixels = np.load(folder / "icons.npy", mmap_mode="r", allow_pickle=False)
        for concept in index["concepts"]:
            concept["keywords"] = {language: tuple(words) for language, words in concept["keywords"].items()}
        icons, size = tuple(Icon(*icon) for icon in index["icons"]), index["size"]
        if pixels.shape != (len(icons), size, size, 4) or pixels.dtype != np.uint8:
            raise ValueError(
                f"{len(icons)} icons of {size} pixels, but an array {pixels.shape} of {pixels.dtype}"
            )
        return cls(
            concepts=tuple(Concept(**concept) for concept in index["concepts"]),
            icons=icons,
            size=size,
            digest=index["digest"],
            licences=tuple(Source(**source) for source in index["licences"]),
            pixels=pixels,
        )

    def held_out(self, concept: int) -> bool:
        """Whether the autoencoder never sees this concept: about 5%, near-identical ones always together."""
        start = hashlib.sha256(self.concepts[concept].base.encode()).digest()[:4]
        return int.from_bytes(start, "big") < HELD_OUT_SHARE * 2**32


def summary(emoji: EmojiSet) -> str:
    """What a person should know of a set: a line for each icon set, then counts and digest."""
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


def _is_emoji_set(folder: Path) -> bool:
    return (folder / "index.json").is_file() and (folder / "icons.npy").is_file()
