"""The captions of single concepts."""

from dalle.data.scenes.captions import plain_caption
from tests.fakes import fake_emoji


def test_plain_captions() -> None:
    """Guards against an evaluation whose prompts have words that training never uses."""
    concepts = fake_emoji().concepts
    assert plain_caption(concepts[3]) == "an owl"
    assert plain_caption(concepts[7], "noto") == "a red apple, noto style"
    assert plain_caption(concepts[15]) == "no entry"
