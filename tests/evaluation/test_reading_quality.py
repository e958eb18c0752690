"""The judgement of readings: right ones pass, wrong ones of each kind do not, and all tables are readable."""

import pytest
from PIL import Image

from dalle.evaluation import reading_sets
from dalle.evaluation.reading_answers import faults, parse_answer
from dalle.evaluation.reading_drawn import Criteria, background_colour, meets
from dalle.evaluation.reading_quality import judge_noun
from dalle.evaluation.reading_sets import TestNoun
from dalle.prompts.draft import Kind, Note, Reading
from dalle.prompts.lexicon import Lexicon

LEXICON = Lexicon(("an owl", "a cat", "a red apple", "a deciduous tree", "a top hat"))


def reading(text: str, negative: str = "", style: str | None = None, kind: Kind | None = None) -> Reading:
    notes = () if kind is None else (Note(kind, 0, 1, "x", ""),)
    return Reading(text, text, negative, style, notes, ())


@pytest.mark.parametrize(
    ("answer", "right", "wrong"),
    [
        ("3 brown:owl", "three brown owls", "three owls"),
        ("3 brown:owl", "3 brown owls", "two brown owls"),
        ("cat + ?deciduous tree", "a cat", "a cat and an owl"),
        ("cat + owl | rel left-of", "a cat to the left of an owl", "an owl to the left of a cat"),
        ("cat + owl | rel left-of", "an owl to the right of a cat", "a cat and an owl"),
        ("cat | on blue", "a cat on a blue background", "a blue cat"),
        ("cat | gone please/draw", "a cat", "draw a cat"),
        ("apple", "a red apple", "a cat"),
    ],
)
def test_a_text_is_right_or_not(answer: str, right: str, wrong: str) -> None:
    """Guards against a judge that passes what says something else."""
    expected = parse_answer(answer)
    assert faults(reading(right), expected, LEXICON.pieces) == []
    assert faults(reading(wrong), expected, LEXICON.pieces) != []


def test_styles_and_unwanted_things_are_judged() -> None:
    styled, unwanted = parse_answer("cat | style noto"), parse_answer("cat | not hat/top hat")
    assert faults(reading("a cat, noto style", style="noto"), styled, LEXICON.pieces) == []
    assert faults(reading("a cat"), styled, LEXICON.pieces) == ["style: None"]
    assert faults(reading("a cat", "a top hat"), unwanted, LEXICON.pieces) == []
    assert faults(reading("a cat"), unwanted, LEXICON.pieces) == ["not unwanted: hat"]
    unknown = parse_answer("cat | style ?")
    assert faults(reading("a cat", kind=Kind.STYLE), unknown, LEXICON.pieces) == []
    assert faults(reading("a cat"), unknown, LEXICON.pieces) == ["style: not said"]


def test_nouns_are_fair_wrong_unknown_or_silent() -> None:
    """Guards against nonsense that counts as read, and silence that counts as said."""
    hawk = TestNoun("hawk", "1-5000", ("owl",), ())
    fair = judge_noun(reading("an owl"), hawk, ["owl"], {})
    wrong = judge_noun(reading("a cat"), hawk, ["cat"], {})
    said = judge_noun(reading("a hawk", kind=Kind.UNKNOWN), hawk, [], {})
    silent = judge_noun(reading("a hawk"), hawk, [], {})
    assert fair.fair and not fair.wrong
    assert wrong.wrong and not (wrong.fair or wrong.unknown)
    assert said.unknown and not (said.silent or said.wrong)
    assert silent.silent
    assert judge_noun(reading("a hawk"), hawk, [], {"hawk": frozenset({"owl"})}).fair


def test_all_tables_are_whole() -> None:
    """Guards against a set that shrinks, and phrases that differ from language to language."""
    assert len(reading_sets.typed_prompts()) == 200 and len(reading_sets.negation_prompts()) == 40
    assert len(reading_sets.test_nouns()) == 400 and len(reading_sets.colour_prompts()) == 1000
    english = [prompt.answer for prompt in reading_sets.phrase_prompts("en")]
    for language in reading_sets.PHRASE_LANGUAGES:
        prompts = reading_sets.phrase_prompts(language)
        assert [prompt.answer for prompt in prompts] == english and len(english) == 200
        assert all(prompt.text and "{" not in prompt.text for prompt in prompts)


def test_pictures_meet_criteria() -> None:
    """Guards against an unwanted thing that is overlooked, and a background of another colour."""
    blue = Image.new("RGB", (32, 32), (42, 112, 216))
    assert background_colour(blue) == "blue"
    assert meets(Criteria(background="blue"), [], blue, {})
    assert not meets(Criteria(background="red"), [], blue, {})
