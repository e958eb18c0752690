"""The line under the prompt, as HTML: what it says of a reading, in both languages."""

import re

import pytest

from dalle.prompts.draft import Kind, Note, Reading
from dalle.ui.create.prompt_reading import CHANGES, LEFT_OUT, MAX_SHOWN, reading_html
from dalle.ui.shared.texts import LANGUAGES, Translator
from tests.fake_studio import FakeStudio


def reading(typed: str, text: str, *changes: tuple[Kind, str, str], **values: object) -> Reading:
    """A reading with notes of (kind, typed words, what stands for them)."""
    notes = [
        Note(kind, typed.index(source), typed.index(source) + len(source), source, target)
        for kind, source, target in changes
    ]
    return Reading(
        **{"negative": "", "style": None, "alternatives": ()} | values,
        typed=typed,
        text=text,
        notes=tuple(notes),
    )


def html(read: Reading, language: str = "en", unread: str = "") -> str:
    return reading_html(Translator(language), read, unread)


def plain(read: Reading, language: str = "en", unread: str = "") -> str:
    """What is seen of it."""
    return re.sub(r"<[^>]+>", "", html(read, language, unread).replace("</p>", "\n"))


def test_nothing_is_said_where_nothing_was_changed() -> None:
    """Guards against a line of text under every prompt."""
    assert html(reading(" a  red apple", "a red apple")) == ""


def test_what_is_changed_is_marked_where_it_stands() -> None:
    """Guards against a mark around an equal word that was typed, and one that was changed again later."""
    read = reading(
        "a red apple and a crimson choclate",
        "a red apple and a red chocolate bar",
        (Kind.SPELLING, "choclate", "chocolate"),
        (Kind.COLOUR, "crimson", "red"),
        (Kind.MEANING, "choclate", "chocolate bar"),
    )
    told = re.search("<b lang=.en.>(.*?)</b>", html(read))[1]
    assert re.sub(' title="[^"]*"', "", told) == (
        "a red apple and a <mark>red</mark> <mark>chocolate bar</mark>"
    )
    assert 'title="crimson → red (the nearest colour it knows)"' in told
    assert plain(read).splitlines()[1].startswith("crimson → red (the nearest colour it knows), choclate →")


def test_what_is_left_out_is_said_as_it_was_typed() -> None:
    """Guards against a phrase in pieces, and commas beside commas."""
    read = reading(
        "can you draw a cat, 8k, hd",
        "a cat",
        (Kind.WRAPPING, "can you", ""),
        (Kind.WRAPPING, "draw", ""),
        (Kind.SYNTAX, ", 8k", ""),
        (Kind.SYNTAX, ", hd", ""),
    )
    assert plain(read) == "It reads this as a cat.\nIt leaves out can you draw, 8k, hd.\n"


def test_all_that_can_be_said() -> None:
    read = reading(
        "<b>no hat</b> lathe",
        "lathe",
        (Kind.NEGATION, "no hat", "a hat"),
        (Kind.UNKNOWN, "lathe", ""),
        negative="a <hat>",
        alternatives=("a <cup>", "a shop"),
    )
    assert plain(read, unread="the <end>") == (
        "It reads this as lathe.\nNot to be in the picture: a &lt;hat&gt;.\n"
        "It has never seen lathe. What it draws there is a guess.\n"
        "It reads no further than this; left out: the &lt;end&gt;\nOr did you meana &lt;cup&gt;a shop\n"
    )
    assert html(read).count('<button type="button" lang="en">') == 2
    assert "它没见过lathe，画出来的只是猜测。" in plain(read, "zh")


def test_a_phrase_read_as_a_whole_is_said_once() -> None:
    read = reading("一只黑猫", "a black cat", (Kind.LANGUAGE, "一只黑猫", "a black cat"))
    assert plain(read) == "It reads this as a black cat.\n"


def test_the_line_stays_short() -> None:
    """Guards against a page full of notes for a page full of text."""
    words = [f"w{number:03}" for number in range(100)]
    read = reading(" ".join(words), " ".join(words), *((Kind.UNKNOWN, word, "") for word in words))
    assert f"{words[MAX_SHOWN - 1]} …" in plain(read) and words[MAX_SHOWN] not in plain(read)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_said(language: str, kind: Kind) -> None:
    """Guards against a kind of note that the page does not know."""
    assert kind in CHANGES or kind in LEFT_OUT | {Kind.NEGATION, Kind.UNKNOWN}
    unwanted = "a hat" if kind is Kind.NEGATION else ""
    target = "z" if kind in CHANGES else unwanted
    read = reading("q word r", "q z r", (kind, "word", target), negative=unwanted)
    assert ("word" in plain(read, language)) == (not unwanted)


def test_html_in_a_prompt_stays_text() -> None:
    """Guards against a prompt in a link that runs a script."""
    read = FakeStudio().read("a <apfel> and a <gizmo>, crimson")
    shown = html(read) + html(read, "zh")
    assert "<apple>" not in shown and "<gizmo>" not in shown and "&lt;apple&gt;" in shown
