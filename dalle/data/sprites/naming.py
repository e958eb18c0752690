"""Which drawings of a source are used, and which concept each of them shows, before any is drawn.

A drawing keeps its own words as its title, where they tell more than the concept's label:
"spiked snail" is a title of the concept "snail".
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dalle.data.emoji.names import EmojiNames, normalize_name, read_json
from dalle.data.emoji.svg import match_icons, read_icon_set
from dalle.data.sprites import candidates, clipart
from dalle.data.sprites.brands import Brands
from dalle.data.sprites.candidates import Candidate
from dalle.data.sprites.raster import Artwork
from dalle.data.sprites.sources import SourceSpec
from dalle.data.sprites.tables import mapping, rows
from dalle.data.sprites.vocabulary import Vocabulary
from dalle.data.sprites.wordnet import WordNet

SIZED_SUBGROUPS = ("geometric",)  # of emoji that come small, medium and large
DESCRIBED = ("game-icons", "openclipart", "pinhead")  # sources whose names describe things


@dataclass(frozen=True)
class Named:
    """A drawing, the label of its concept, and how sure its name is: 0 for the label itself."""

    candidate: Candidate
    label: str
    title: str
    rank: int = 0
    composition: bool = False
    uncropped: bool = False  # its size within its frame has a meaning: "small blue diamond"


@dataclass(frozen=True)
class Contents:
    """What a source holds: drawings by emoji, or candidates that have yet to be named."""

    total: int = 0  # drawings, used or not
    emoji: dict[str, tuple[str, Artwork]] = field(
        default_factory=dict
    )  # emoji's key -> the drawing's id, itself
    candidates: list[Candidate] = field(default_factory=list)


def read_source(spec: SourceSpec, package: Path, names: EmojiNames) -> Contents:
    """Read the drawings of a source out of its package."""
    if spec.reader == "emoji":
        drawings = read_icon_set(read_json(package / "icons.json"))
        matched, left_out, unmatched = match_icons(
            spec.name, drawings, read_json(package / "chars.json"), names
        )
        found = {emoji: (emoji, candidates.artwork_of(drawing)) for emoji, drawing in matched.items()}
        return Contents(len(matched) + left_out + unmatched, emoji=found)
    if spec.reader == "codepoints":
        artworks = dict(candidates.read_codepoints(spec, package))
        found = {emoji: (emoji, artworks[emoji]) for emoji in names.wanted if emoji in artworks}
        return Contents(len(artworks), emoji=found)
    if spec.reader == "icons":
        icons, total = candidates.read_icons(spec, package)
        return Contents(total, candidates=icons)
    if spec.reader == "clipart":
        drawings, total = clipart.read_clipart(package)
        return Contents(total, candidates=drawings)
    return Contents()


class Namer:
    """EmojiNames the drawings of all sources by one vocabulary, so that every subset has the same labels."""

    def __init__(
        self, names: EmojiNames, wordnet: WordNet, brands: Brands, contents: Mapping[SourceSpec, Contents]
    ):
        self._names, self._contents, self._brands = names, contents, brands
        self._removed = {(row["source"], row["id"]) for row in rows("removed")}
        self._renamed = {(row["source"], row["id"]): row["concept"] for row in rows("renamed")}
        drawn = {emoji for spec, held in contents.items() if spec.reader == "emoji" for emoji in held.emoji}
        in_use = [emoji for emoji in names.wanted if emoji in drawn]
        self.vocabulary = Vocabulary(names, wordnet, in_use, mapping("phrases"))
        held = (candidate for content in contents.values() for candidate in content.candidates)
        self.vocabulary.prime(Counter(phrase for candidate in held for phrase in candidate.phrases))

    def name(self, spec: SourceSpec) -> Iterator[Named]:
        """The drawings of a source that show a known thing and were not taken out by eye."""
        contents = self._contents[spec]
        for label, emoji in self.vocabulary.emoji.items():
            if emoji in contents.emoji and (spec.name, emoji) not in self._removed:
                name, artwork = contents.emoji[emoji]
                uncropped = self._names.group(emoji)[1] in SIZED_SUBGROUPS
                yield Named(Candidate(name, artwork, (label,)), label, label, uncropped=uncropped)
        for candidate in contents.candidates:
            named = self._named(spec, candidate)
            if named and not candidate.defect and (spec.name, candidate.id) not in self._removed:
                yield named

    def _named(self, spec: SourceSpec, candidate: Candidate) -> Named | None:
        chosen = self._renamed.get((spec.name, candidate.id))
        if chosen:
            known = chosen if chosen in self.vocabulary.emoji else self.vocabulary.find(chosen)
            return Named(candidate, known or chosen, known or chosen)
        if any(name in self._brands for name in (candidate.id, *candidate.phrases)):
            return None
        for phrase in candidate.phrases:
            for rank, (label, composition) in enumerate(self._meanings(spec, phrase)):
                if label:
                    said = rank or self.vocabulary.is_noun(phrase)  # icons' names need not be English
                    rank += normalize_name(label) != normalize_name(phrase)
                    return Named(candidate, label, phrase if said else label, rank, composition)
        return None

    def _meanings(self, spec: SourceSpec, phrase: str) -> Iterator[tuple[str | None, bool]]:
        """Labels that a phrase may mean, the most certain first, and whether each is a composition."""
        yield self.vocabulary.find(phrase), False
        if spec.name in DESCRIBED and not self.vocabulary.decided(phrase):
            yield self.vocabulary.find_described(phrase), False
            yield self.vocabulary.find_composition(phrase), True
        if spec.subset == "held-out":  # a set of its own, so that its words need not be the vocabulary's
            yield phrase, False
