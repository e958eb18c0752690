"""The prompts of the evaluation of reading, with their right answers, from the tables in `reading`.

    typed.tsv, negation.tsv   prompts as people type them       kind, prompt, answer (reading_answers.py)
    nouns.tsv                 nouns outside the first data      noun, ranks, fair labels, tolerated labels
    colours.tsv               names of colours                  name, accepted colours
    phrases/LANGUAGE.tsv      words and templates, from which phrases are composed by a fixed seed

All was written before the reader, and is never tuned to it.
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from types import SimpleNamespace

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import article, parse_noun
from dalle.evaluation.reading_answers import Answer, Thing, parse_answer

PHRASE_LANGUAGES = ("zh", "es", "fr", "de", "ja", "pt", "ru", "ko", "it", "hi")
PHRASE_KINDS = ("colour", "count", "background", "two", "negation")
PHRASES_PER_KIND = 40
PHRASE_SEED = 21
BACKGROUNDS = ("red", "blue", "green", "yellow", "pink", "purple", "black")
RELATION_PHRASES = {
    "left-of": "to the left of",
    "right-of": "to the right of",
    "above": "above",
    "below": "below",
    "beside": "next to",
    "and": "and",
}
COLOURED_THINGS = ("cat", "fish", "butterfly", "automobile", "house", "umbrella", "chair", "guitar", "rocket")
COLOURED_THINGS += ("bicycle",)


@dataclass(frozen=True)
class TestPrompt:
    """A prompt with its right answer; `kind` groups its figures."""

    text: str
    answer: Answer
    kind: str

    __test__ = False  # for pytest: no class of tests


@dataclass(frozen=True)
class TestNoun:
    """A noun; the labels that are an honest nearest thing, and those that are no fault if there is none."""

    noun: str
    ranks: str  # by frequency: "1-5000"
    fair: tuple[str, ...]  # without articles; () if no label comes near
    tolerated: tuple[str, ...]

    __test__ = False


def typed_prompts() -> list[TestPrompt]:
    """Two hundred prompts as people type them."""
    return [TestPrompt(text, parse_answer(answer), kind) for kind, text, answer in _rows("typed.tsv")]


def negation_prompts() -> list[TestPrompt]:
    """Prompts with something that has to be absent."""
    return [TestPrompt(text, parse_answer(answer), "negation") for text, answer in _rows("negation.tsv")]


def test_nouns() -> list[TestNoun]:
    """Four hundred nouns, drawn by a fixed seed from two bands of frequency."""
    return [
        TestNoun(noun, ranks, _labels(fair), _labels(tolerated))
        for noun, ranks, fair, tolerated in _rows("nouns.tsv")[1:]
    ]


def _labels(text: str) -> tuple[str, ...]:
    return tuple(text.split("|")) if text else ()


def colour_prompts() -> list[TestPrompt]:
    """A hundred names of colours on ten things: the first name on all of them first."""
    things = Phrasebook("en").things
    return [
        TestPrompt(f"{article(name)} {name} {thing}", answer, name)
        for name, colours in _rows("colours.tsv")
        for thing in COLOURED_THINGS
        for answer in [_coloured(things[thing].accepted, colours.split("|"), name)]
    ]


def _coloured(accepted: str, colours: list[str], name: str) -> Answer:
    """The thing in one of the colours, without the other words of the name."""
    gone = tuple(word for word in name.split() if word not in COLOURS)
    return Answer((Thing(tuple(accepted.split("/")), colours=tuple(colours)),), gone=gone)


# --- phrases


@dataclass(frozen=True)
class PhraseScene:
    """What a phrase says: keys of the words in `phrases`."""

    kind: str  # of PHRASE_KINDS
    first: str  # a thing, by the slug of its concept
    second: str = ""
    relation: str = ""  # of RELATION_PHRASES
    colour: str = ""  # of the thing, or of the background
    number: int = 1
    unwanted: str = ""


def phrase_scenes() -> list[PhraseScene]:
    """PHRASES_PER_KIND different scenes of each kind, the same in all languages; kinds alternate."""
    things = sorted(Phrasebook("en").things)
    unwanted = sorted(Phrasebook("en").unwanted)
    rng = random.Random(PHRASE_SEED)
    by_kind: dict[str, dict[PhraseScene, None]] = {kind: {} for kind in PHRASE_KINDS}
    for kind, scenes in by_kind.items():
        while len(scenes) < PHRASES_PER_KIND:
            first, second = rng.sample(things, 2)
            if kind == "colour":
                scene = PhraseScene(kind, first, colour=rng.choice(list(COLOURS)))
            elif kind == "count":
                scene = PhraseScene(kind, first, number=rng.randint(2, 5))
            elif kind == "background":
                scene = PhraseScene(kind, first, colour=rng.choice(BACKGROUNDS))
            elif kind == "two":
                scene = PhraseScene(kind, first, second, rng.choice(list(RELATION_PHRASES)))
            else:
                scene = PhraseScene(kind, first, unwanted=rng.choice([u for u in unwanted if u != first]))
            scenes[scene] = None
    return [scene for scenes in zip(*by_kind.values(), strict=True) for scene in scenes]


def phrase_prompts(language: str) -> list[TestPrompt]:
    """The phrases of `phrase_scenes` in a language, "en" among them."""
    book, english = Phrasebook(language), Phrasebook("en")
    return [
        TestPrompt(
            english_phrase(scene) if language == "en" else book.phrase(scene, index // len(PHRASE_KINDS)),
            phrase_answer(scene, english),
            scene.kind,
        )
        for index, scene in enumerate(phrase_scenes())
    ]


def english_phrase(scene: PhraseScene) -> str:
    """The phrase as captions have it."""
    noun = parse_noun(scene.first)
    if scene.kind == "colour":
        return noun.singular(scene.colour)
    if scene.kind == "count":
        return noun.plural(scene.number)
    if scene.kind == "background":
        return f"{noun.singular()} on {article(scene.colour)} {scene.colour} background"
    if scene.kind == "two":
        other = parse_noun(scene.second).singular()
        return f"{noun.singular()} {RELATION_PHRASES[scene.relation]} {other}"
    return f"{noun.singular()} without {parse_noun(scene.unwanted).singular()}"


def phrase_answer(scene: PhraseScene, english: "Phrasebook") -> Answer:
    """What a reading of the phrase must say; `english`: the accepted nouns."""
    names = [name for name in (scene.first, scene.second) if name]
    nouns = [tuple(english.things[name].accepted.split("/")) for name in names]
    count = scene.number if scene.kind == "count" else None
    colours = (scene.colour,) if scene.kind == "colour" else ()
    return Answer(
        things=(Thing(nouns[0], count, colours), *map(Thing, nouns[1:])),
        relations=(scene.relation,) if scene.relation else ("*",),
        background=(scene.colour,) if scene.kind == "background" else (),
        unwanted=(tuple(english.unwanted[scene.unwanted].accepted.split("/")),) if scene.unwanted else (),
    )


@dataclass(frozen=True)
class Phrasebook:
    """The words of a language with their inflected forms, and templates of its phrases.

    A template's fields: {a.FORM} and {b.FORM} of the things, {colour.FORM}, {number.FORM}, {unwanted.FORM};
    {agreed} and {counted}: the colour and the number in the form of the thing's class, {many}: the thing
    after the number.
    """

    language: str
    rows: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _rows(f"phrases/{self.language}.tsv"))

    @cached_property
    def things(self) -> dict[str, SimpleNamespace]:
        return self._words("thing")

    @cached_property
    def unwanted(self) -> dict[str, SimpleNamespace]:
        return self._words("unwanted")

    def _words(self, kind: str) -> dict[str, SimpleNamespace]:
        return {
            row[1]: SimpleNamespace(**dict(form.split("=", 1) for form in row[2:]))
            for row in self.rows
            if row[0] == kind
        }

    def _templates(self, kind: str) -> Iterator[str]:
        return (row[2] for row in self.rows if row[:2] == ["template", kind])

    def phrase(self, scene: PhraseScene, turn: int) -> str:
        """A scene's phrase, by the template number `turn` of its kind, counted round."""
        templates = list(self._templates(scene.relation or scene.kind))
        a = self.things[scene.first]
        colour = self._words("colour").get(scene.colour)
        number = self._words("number").get(str(scene.number))
        gender = getattr(a, "class", "")
        return templates[turn % len(templates)].format(
            a=a,
            b=self.things.get(scene.second),
            colour=colour,
            number=number,
            unwanted=self.unwanted.get(scene.unwanted),
            agreed=getattr(colour, gender, ""),
            counted=getattr(number, gender, ""),
            many=getattr(a, "five" if scene.number == 5 and hasattr(a, "five") else "many", ""),
        )


def _rows(name: str) -> list[list[str]]:
    """The rows of a table in `reading`."""
    text = resources.files("dalle.evaluation").joinpath(f"reading/{name}").read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
