"""Parses a short phrase of another language, and says the same in English, as training captions do.

红色背景上的两只黑猫  -->  colour, background, number, colour, thing
                      -->  "two black cats on a red background"
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, Noun, article
from dalle.prompts.grammar import Grammar
from dalle.prompts.lexicon import ARTICLE, Lexicon, without_umlauts
from dalle.prompts.phrases import is_english, singulars

MAX_NAME = 12  # characters, or words where they are parted by spaces, of a thing's name
MIN_STEM = 3  # letters that inflected forms of a name share with it
MAX_ENDING = 3  # letters by which they may differ

RELATIONS = {
    "left-of": "{a} to the left of {b}",
    "right-of": "{a} to the right of {b}",
    "above": "{a} above {b}",
    "below": "{a} below {b}",
    "on": "{a} on {b}",
    "beside": "{a} next to {b}",
    "wearing": "{a} wearing {b}",
    "riding": "{a} riding {b}",
    "holding": "{a} holding {b}",
    "in": "{a} in {b}",
}


class Token(NamedTuple):
    """Units first to last - 1 of a phrase; a thing's `value` is its label, and "" marks what is not read."""

    kind: str
    value: str
    first: int
    last: int
    exact: bool = True  # not found by an inflected form


@dataclass
class Group:
    """One thing of a phrase, with what is said of it."""

    label: str = ""
    colour: str = ""
    size: str = ""
    number: int = 1


@dataclass
class Phrase:
    """What a phrase says."""

    groups: list[Group] = field(default_factory=lambda: [Group()])
    relation: str = ""
    swapped: bool = False  # the second thing was named first
    background: str = ""
    unwanted: list[Group] = field(default_factory=list)


def tokens_of(units: Sequence[str], grammar: Grammar, lexicon: Lexicon) -> list[Token]:
    """The longest terms and names from left to right; `units`: words, or characters in unspaced scripts.

    A small word is a thing's name where no other thing is named: Korean "개" counts things, and is a dog.
    """
    found = _tokens(units, grammar, lexicon, names_first=False)
    if any(token.kind == "thing" for token in found):
        return found
    return _tokens(units, grammar, lexicon, names_first=True)


def _tokens(units: Sequence[str], grammar: Grammar, lexicon: Lexicon, names_first: bool) -> list[Token]:
    found, at = list[Token](), 0
    while at < len(units):
        token = _token(units, at, grammar, lexicon, names_first) or Token("", units[at], at, at + 1)
        if not token.kind and found and not found[-1].kind and not grammar.spaced:
            last = found.pop()  # an unread run of characters is one word
            token = Token("", last.value + token.value, last.first, token.last)
        found.append(token)
        at = token.last
    return found


def _token(
    units: Sequence[str], at: int, grammar: Grammar, lexicon: Lexicon, names_first: bool
) -> Token | None:
    names, sep = lexicon.names.get(grammar.language, {}), " " if grammar.spaced else ""
    for last in range(min(len(units), at + max(MAX_NAME, grammar.longest)), at, -1):
        text = sep.join(units[at:last]).casefold()
        term = grammar.terms.get(text)
        if text in names and (not term or (names_first and term.kind == "skip")):
            return Token("thing", names[text], at, last)
        if term:
            return Token(term.kind, term.value, at, last)
    return _inflected(units[at], at, grammar, lexicon) if grammar.spaced else None


def _inflected(word: str, at: int, grammar: Grammar, lexicon: Lexicon) -> Token | None:
    """A word with a particle or another ending than its name or term in the tables has."""
    word, names = word.casefold(), lexicon.names.get(grammar.language, {})
    for particle in grammar.particles:
        stem = word.removesuffix(particle)
        if stem != word and stem in names:
            return Token("thing", names[stem], at, at + 1)
        if stem != word and (term := grammar.terms.get(stem)):
            return Token(term.kind, term.value, at, at + 1)
    if word.isascii() and is_english(word):
        return None
    best = ""
    for cut in range(0, MAX_ENDING + 1):
        stem = word[: len(word) - cut]
        if len(stem) < MIN_STEM:
            break
        near = lexicon.names_by_stem(grammar.language).get(without_umlauts(stem)[:MIN_STEM], ())
        fitting = [name for name in near if _same_stem(word, name, len(stem))]
        if fitting:
            best = min(fitting, key=lambda name: (abs(len(name) - len(word)), name))
            break
    return Token("thing", names[best], at, at + 1, exact=False) if best else None


def _same_stem(word: str, name: str, shared: int) -> bool:
    plain = without_umlauts(word), without_umlauts(name)
    long_enough = shared >= max(MIN_STEM, len(name) - MAX_ENDING + 1, len(word) - MAX_ENDING + 1)
    return long_enough and len(name) - shared <= MAX_ENDING - 1 and plain[0][:shared] == plain[1][:shared]


# --- from tokens to what is said


def phrase_of(tokens: Sequence[Token], grammar: Grammar) -> Phrase:
    """What the tokens say."""
    phrase, negated = Phrase(), False
    for at, token in enumerate(tokens):
        group = phrase.groups[-1]
        if token.kind == "thing":
            if group.label:
                phrase.groups.append(group := Group())
            group.label = token.value
            if negated:
                phrase.unwanted.append(phrase.groups.pop())
                phrase.groups.append(Group())
                negated = _is_joined(tokens, at)
        elif token.kind == "colour":
            if _is_of_background(tokens, at, grammar):
                phrase.background = token.value
            elif grammar.colour_follows and group.label and not group.colour:
                group.colour = token.value
            else:
                _open(phrase).colour = token.value
        elif token.kind in ("number", "size"):
            later = grammar.colour_follows and token.kind == "size" and group.label
            target = group if later else _open(phrase)
            if token.kind == "number":
                follows = group.label and not _has_thing_next(tokens, at)  # "猫二匹", "고양이 두 마리"
                (group if follows else target).number = int(token.value)
            else:
                target.size = token.value
        elif token.kind in ("relation", "interaction"):
            negated = False
            named = [each for each in phrase.groups if each.label]
            phrase.relation = token.value
            phrase.swapped = not grammar.relation_between and token.kind == "relation" and len(named) < 2
            _open(phrase)
        elif token.kind == "negation":
            if grammar.negation_follows and group.label:
                phrase.unwanted.append(phrase.groups.pop())
                phrase.groups.append(Group())
            else:
                negated = True
        elif token.kind == "and" and not negated:
            _open(phrase)
        elif token.kind == "background":
            negated = False
    phrase.groups = [group for group in phrase.groups if group.label]
    return phrase


def _open(phrase: Phrase) -> Group:
    """The group of the next thing."""
    if phrase.groups[-1].label:
        phrase.groups.append(Group())
    return phrase.groups[-1]


def _is_joined(tokens: Sequence[Token], at: int) -> bool:
    """Whether another unwanted thing follows: "without hat and glasses"."""
    rest = [token.kind for token in tokens[at + 1 :] if token.kind != "skip"]
    return rest[:2] == ["and", "thing"]


def _has_thing_next(tokens: Sequence[Token], at: int) -> bool:
    """Whether a number stands before a thing."""
    rest = [token.kind for token in tokens[at + 1 :] if token.kind not in ("skip", "colour", "size")]
    return rest[:1] == ["thing"]


def _is_of_background(tokens: Sequence[Token], at: int, grammar: Grammar) -> bool:
    """Whether a colour is the background's: only small words stand between."""
    order = range(at - 1, -1, -1) if grammar.colour_follows else range(at + 1, len(tokens))
    for other in order:
        if tokens[other].kind != "skip":
            return tokens[other].kind == "background"
    return False


# --- in English


def in_english(phrase: Phrase, lexicon: Lexicon) -> tuple[str, list[str]]:
    """The text, and what is not wanted, as training captions say them."""
    things = [_english(group, lexicon) for group in phrase.groups]
    if phrase.relation and len(things) >= 2:
        first, second = (things[1], things[0]) if phrase.swapped else (things[0], things[1])
        text = RELATIONS[phrase.relation].format(a=first, b=second)
        things = [text, *things[2:]]
    text = " and ".join(things)
    if phrase.background and text:
        text = f"{text} on {article(phrase.background)} {phrase.background} background"
    return text, [_english(group, lexicon) for group in phrase.unwanted]


def _english(group: Group, lexicon: Lexicon) -> str:
    bare = ARTICLE.sub("", group.label)
    noun = lexicon.nouns.get(bare.lower()) or Noun(bare, None, "")
    words = bare.split()
    if group.colour and words[0] in COLOURS and words[0] != group.colour:
        plainer = " ".join(words[1:])  # "a green apple" by the name of "red apple"
        noun = lexicon.nouns.get(f"{group.colour} {plainer}") or lexicon.nouns.get(plainer) or noun
        group.colour = "" if noun.bare.split()[0] == group.colour else group.colour
    elif words[0] == group.colour:
        group.colour = ""
    if group.number > 1 and not noun.plural_noun:  # "maisons" is the name of "houses"
        noun = next((lexicon.nouns[one] for one in singulars(noun.bare) if one in lexicon.nouns), noun)
    adjectives = f"{group.size} {group.colour}".strip()
    if group.number > 1 and noun.plural_noun:
        most = max(NUMBER_WORDS)
        return noun.plural(min(group.number, most), adjectives)
    return noun.singular(adjectives)
