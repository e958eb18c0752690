"""The thesaurus of a checkpoint: which of its labels comes nearest to a noun that is in none of them.

    near.tsv, looked at by hand  -->  "hawk": "eagle"
    WordNet: what is a kind of what  -->  "beagle": "dog", "plumber": "person"

A noun that is itself known has no entry. One with nothing near has none either, or an empty one if looked at.
"""

import re
from collections.abc import Collection, Iterator
from importlib import resources

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.english import parse_noun
from dalle.prompts.lexicon import ARTICLE, Lexicon, Near
from dalle.release.wordnet import WordNet

NOUN = re.compile(r"[a-z]{3,}(?: [a-z]{3,})?")
MAX_STEPS = 5  # from a noun to what it is a kind of
# Before the head of a label that is still a picture of it: "a red apple" shows an apple.
PLAIN_ADJECTIVES = frozenset(
    "red green white black brown blue small open closed new wild cut sliced potted".split()
)
LAST_GROUPS = ("smileys & emotion", "people & body", "symbols", "flags")  # no kinds of things
# Labels that stand for another meaning than most of their kinds.
NOT_FOR_KINDS = frozenset(
    "construction bank link coin candy salt wood knot toilet jar anchor key dvd package label ticket hook "
    "locomotive lime ice plunger station wheel spoon shield pick clamp seal stadium window seat bomb magnet "
    "gear".split()
) | {"fax machine", "slot machine", "nut and bolt", "oil drum", "hot beverage", "closed book", "stop button"}
PERSON = "person"
MAX_PERSON_SENSES = 4  # of the first meanings of a noun for a person none may be a thing


def build_thesaurus(wordnet: WordNet, lexicon: Lexicon, emoji: EmojiSet) -> dict[str, Near]:
    """Noun in the singular -> the nearest label; of nouns that `lexicon` does not know."""
    labels = {ARTICLE.sub("", label).lower(): label for label in reversed(lexicon.labels)}
    found = dict(_kinds(wordnet, labels, emoji))
    for noun, nearest, source in looked_at():
        if not nearest or nearest in labels:
            found[noun] = Near((labels[nearest],) if nearest else (), source)
    known = lexicon.known_words
    return {noun: near for noun, near in found.items() if noun not in known and noun not in labels}


def looked_at() -> Iterator[tuple[str, str, str]]:
    """Rows of near.tsv: noun, bare noun of the nearest label or "", and who says so."""
    text = resources.files("dalle.release").joinpath("near.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            noun, nearest, source = line.split("\t")
            yield noun, nearest.lower(), source


def _kinds(wordnet: WordNet, labels: dict[str, str], emoji: EmojiSet) -> Iterator[tuple[str, Near]]:
    """Nouns whose first meaning is a kind of what a label shows, and those for persons."""
    plain = _plain_names(emoji)
    senses = _label_senses(wordnet, {bare: label for bare, label in labels.items() if bare in plain})
    for noun, offsets in wordnet.lemmas.items():
        sense = wordnet.senses[offsets[0]]
        if not NOUN.fullmatch(noun) or not sense.kind or sense.is_instance:
            continue
        if label := _nearest_kind(wordnet, offsets[0], senses):
            yield noun, Near((label,), f"{sense.name}.n")
        elif PERSON in labels and _is_person(wordnet, offsets):
            yield noun, Near((labels[PERSON],), f"{sense.name}.n")


def _plain_names(emoji: EmojiSet) -> frozenset[str]:
    """The names of plain things, as labels have them without an article."""
    concepts = (concept for concept in emoji.concepts if concept.group not in LAST_GROUPS)
    return frozenset(parse_noun(concept.labels["en"]).bare.lower() for concept in concepts)


def _label_senses(wordnet: WordNet, labels: dict[str, str]) -> dict[str, str]:
    """Offset -> the label that shows this meaning; a label's whole name goes before its head."""
    found: dict[str, str] = {}
    for bare, label in labels.items():
        if bare not in NOT_FOR_KINDS and (offsets := wordnet.concrete(bare)):
            found.setdefault(offsets[0], label)
    for bare, label in labels.items():
        first, _, head = bare.partition(" ")
        if first in PLAIN_ADJECTIVES and (offsets := wordnet.concrete(head)):
            found.setdefault(offsets[0], label)
    return found


def _nearest_kind(wordnet: WordNet, offset: str, labels: dict[str, str]) -> str | None:
    """The label of the nearest meaning that this one is a kind of."""
    level: Collection[str] = (offset,)
    for _ in range(MAX_STEPS + 1):
        if near := sorted(labels[each] for each in level if each in labels):
            return near[0]
        level = {above for each in level for above in wordnet.senses[each].kinds_of}
    return None


def _is_person(wordnet: WordNet, offsets: tuple[str, ...]) -> bool:
    kinds = [wordnet.senses[offset].kind for offset in offsets[:MAX_PERSON_SENSES]]
    return kinds[0] == PERSON and set(kinds) <= {PERSON, ""}
