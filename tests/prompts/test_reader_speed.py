"""How long the reader takes, whatever is typed: the page reads while a visitor types."""

import time
from pathlib import Path

import pytest

from dalle.prompts.lexicon_files import load_lexicon
from dalle.prompts.reader import MAX_PROMPT_LENGTH, Reader

USUAL = ("can you draw a gray woolf on a maroon background, no hat?", "三只红色的猫在蓝色背景上", "a hawk")
LONG = (
    "a ",
    "a,",
    "3 ",
    "no ",
    "hawk ",
    "crimson ",
    "choclate ",
    "no cat, ",
    "一只黑猫",
    "(cat:1.3) ",
    "(",
    "红",
)


@pytest.fixture(scope="module")
def reader() -> Reader:
    reader = Reader(load_lexicon(Path("checkpoints/emoji")))
    for prompt in ("a choclate cake", "ein Hund", "noto style"):
        reader.read(prompt)  # tables are made at their first use
    return reader


def seconds(reader: Reader, prompt: str) -> float:
    started = time.process_time()
    reader.read(prompt)
    return time.process_time() - started


def test_a_usual_prompt_takes_milliseconds(reader: Reader) -> None:
    """Guards against tables that are searched from end to end; 5 ms on an idle machine."""
    assert max(seconds(reader, prompt) for prompt in USUAL) < 0.05


@pytest.mark.parametrize("words", LONG)
def test_no_prompt_takes_seconds(reader: Reader, words: str) -> None:
    """Guards against stages that search the whole text again at each word: 17 seconds for "a,a,a,..."."""
    prompt = (words * MAX_PROMPT_LENGTH)[:MAX_PROMPT_LENGTH]
    assert seconds(reader, prompt) < 1
