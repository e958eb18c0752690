"""Stage 7: nouns outside the data, each as the nearest thing that the data has: "a hawk" -> "an eagle"."""

from dataclasses import replace

from dalle.data.scenes import captions
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import Noun
from dalle.prompts.colour_names import colour_table
from dalle.prompts.draft import Draft, Kind
from dalle.prompts.lexicon import ARTICLE, MAX_SENSES, Lexicon, Near
from dalle.prompts.phrases import FUNCTION_WORDS, is_known_in_english, named_things, singulars, with_article
from dalle.prompts.style_names import style_table

MAX_WORDS = 2  # of a noun in the thesaurus
SIZES = frozenset(word for words in captions.SIZE_WORDS.values() for word in words)
ADJECTIVES = SIZES | {*COLOURS, "gray", "neon"}  # "a gray wolf" is grey, and not a kind of dog


def meaning(draft: Draft, lexicon: Lexicon) -> Draft:
    """Each unknown noun that the thesaurus has, replaced; those that have nothing near are noted."""
    if not lexicon.thesaurus:
        return draft
    at = 0
    while at < len(draft.pieces):
        found = _entry_at(draft, lexicon, at)
        if found is None:
            at += 1
            continue
        last, near, plural = found
        if last < len(draft.pieces) and near.labels:  # "oak trees", where the label is "a deciduous tree"
            forms = singulars(draft.words[last])
            if near.labels[0].split()[-1] in forms:
                last, plural = last + 1, forms[-1] != near.labels[0].split()[-1]
        if not near.labels:
            draft = draft.note(Kind.UNKNOWN, at, last)
            at = last
            continue
        others = tuple(_replaced(draft, lexicon, at, last, label, plural).text for label in near.labels[1:])
        draft = _replaced(draft, lexicon, at, last, near.labels[0], plural)
        draft = replace(draft, alternatives=(*draft.alternatives, *others)[:MAX_SENSES])
        at += 1
    return draft


def _entry_at(draft: Draft, lexicon: Lexicon, at: int) -> tuple[int, Near, bool] | None:
    """The end of a noun at a place, its entry, and whether it is a plural; None for what is known."""
    words = draft.words
    if words[at] in ADJECTIVES or any(t.first <= at < t.last for t in named_things(draft, lexicon)):
        return None
    for last in range(min(len(words), at + MAX_WORDS), at, -1):
        text = " ".join(words[at:last])
        if text in colour_table() or text in style_table():
            return None
        if last == at + 1 and (is_known_in_english(text, lexicon) or text in FUNCTION_WORDS):
            return None
        *_, unchanged = forms = singulars(text)
        for form in (unchanged, *forms[:-1]):
            if near := lexicon.thesaurus.get(form):
                return last, near, form != unchanged
    return None


def _replaced(draft: Draft, lexicon: Lexicon, first: int, last: int, label: str, plural: bool) -> Draft:
    """The draft with a label's noun, in the right number and with the right article before it."""
    bare = ARTICLE.sub("", label)
    noun = lexicon.nouns.get(bare.lower()) or Noun(bare, None, "")
    name = noun.plural_noun if plural and noun.plural_noun else noun.bare
    if first == 0 and not plural:
        return draft.replace(first, last, noun.singular(), Kind.MEANING)
    changed = draft.replace(first, last, name, Kind.MEANING)
    if draft.words[first - 1] not in ("a", "an"):
        return changed
    right = "" if noun.article != "a" and not plural else with_article(name).split()[0]
    if right == draft.words[first - 1]:
        return changed
    return changed.replace(first - 1, first, right) if right else changed.drop(first - 1, first)
