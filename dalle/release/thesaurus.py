"""The thesaurus of a checkpoint: which of its labels comes nearest to a noun that is in none of them.

    near.tsv, looked at by hand  -->  "hawk": "eagle"
    WordNet: what is a kind of what  -->  "beagle": "dog", "plumber": "person"
    kinds.tsv, for kinds that labels lack  -->  beer: "beer mug", so "lager": "beer mug"

A noun that is itself known has no entry. One with nothing near has none either, or an empty one if looked at.
"""

import re
from collections.abc import Collection, Iterator
from importlib import resources

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.english import parse_noun
from dalle.data.sprites.wordnet import CONCRETE, WordNet
from dalle.prompts.lexicon import ARTICLE, Lexicon, Near
from dalle.prompts.phrases import is_known_in_english

NOUN = re.compile(r"[a-z]{3,}(?: [a-z]{3,})?")
MAX_STEPS = 5  # from a noun to what it is a kind of
BODY_PARTS = "body-parts"
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
MAX_PERSON_SENSES = 4  # the first meanings of a noun for a person, of which none may be its tool


def build_thesaurus(wordnet: WordNet, lexicon: Lexicon, emoji: EmojiSet) -> dict[str, Near]:
    """Noun in the singular -> the nearest label; of nouns that `lexicon` does not know."""
    labels = {ARTICLE.sub("", label).lower(): label for label in reversed(lexicon.labels)}
    found = dict(_kinds(wordnet, labels, emoji))
    for noun, nearest, source in looked_at():
        if not nearest or nearest in labels:
            found[noun] = Near((labels[nearest],) if nearest else (), source)
    return {
        noun: near
        for noun, near in found.items()
        if noun not in labels and not is_known_in_english(noun, lexicon)
    }


def looked_at() -> Iterator[list[str]]:
    """Rows of near.tsv: noun, bare noun of the nearest label or "", and who says so."""
    return _rows("near.tsv")


def _rows(name: str) -> Iterator[list[str]]:
    """The lines of a table in lower case, cut at tabs."""
    text = resources.files("dalle.release").joinpath(name).read_text(encoding="utf-8")
    yield from (line.lower().split("\t") for line in text.splitlines() if not line.startswith("#"))


def _kinds(wordnet: WordNet, labels: dict[str, str], emoji: EmojiSet) -> Iterator[tuple[str, Near]]:
    """Nouns whose first meaning is a kind of what a label shows, and those for persons."""
    plain = _plain_names(emoji)
    senses = _label_senses(wordnet, {bare: label for bare, label in labels.items() if bare in plain})
    for noun in wordnet.nouns():
        first = wordnet.concrete(noun)
        if first is None or not NOUN.fullmatch(noun) or wordnet.synset(first).is_instance:
            continue
        source = f"{wordnet.synset(first).words[0].lower()}.n"
        if label := _nearest_kind(wordnet, first, senses):
            yield noun, Near((label,), source)
        elif PERSON in labels and _is_person(wordnet, noun):
            yield noun, Near((labels[PERSON],), source)


def _plain_names(emoji: EmojiSet) -> frozenset[str]:
    """The names of plain things, as labels have them without an article."""
    return frozenset(
        parse_noun(concept.labels["en"]).bare.lower()
        for concept in emoji.concepts
        if concept.group not in LAST_GROUPS or concept.subgroup == BODY_PARTS
    )


def _label_senses(wordnet: WordNet, labels: dict[str, str]) -> dict[int, str]:
    """Meaning -> the label that shows it; a label's whole name goes before its head."""
    heads = {bare: bare.split(" ", 1) for bare in labels}
    pairs = [(noun, nearest) for noun, nearest in _rows("kinds.tsv") if nearest in labels]
    pairs += [(bare, bare) for bare in labels if bare not in NOT_FOR_KINDS]
    pairs += [(words[-1], bare) for bare, words in heads.items() if words[0] in PLAIN_ADJECTIVES]
    found: dict[int, str] = {}
    for noun, bare in pairs:
        if (meaning := _drawable(wordnet, noun)) is not None:
            found.setdefault(meaning, labels[bare])
    return found


def _drawable(wordnet: WordNet, noun: str) -> int | None:
    """The first meaning of a noun that can be drawn."""
    return next((sense for sense in wordnet.senses(noun) if wordnet.synset(sense).kind in CONCRETE), None)


def _nearest_kind(wordnet: WordNet, sense: int, labels: dict[int, str]) -> str | None:
    """The label of the nearest meaning that this one is a kind of."""
    level: Collection[int] = (sense,)
    for _ in range(MAX_STEPS + 1):
        if near := sorted(labels[each] for each in level if each in labels):
            return near[0]
        level = {above for each in level for above in wordnet.synset(each).hypernyms}
    return None


def _is_person(wordnet: WordNet, noun: str) -> bool:
    """Whether a noun mostly means a person; "toaster" and "browser" are rather what does it."""
    kinds = [wordnet.synset(sense).kind for sense in wordnet.senses(noun)[:MAX_PERSON_SENSES]]
    may_be_tool = noun.endswith(("er", "or")) and "artifact" in kinds[1:]
    return kinds[0] == PERSON and not may_be_tool
