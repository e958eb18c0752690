"""Model cards: whose drawings the weights learnt from stands in each card, and in those of weights after."""

import re
from pathlib import Path

import pytest

from dalle.data.sprites.notices import credits
from dalle.data.sprites.sprite_set import SpriteSet
from dalle.release.model_cards import CREDITS_HEADING, inherited_credits, shipped_card
from tests.tiny import tiny_pipeline
from tests.tiny_sprites import STYLES, tiny_sprites


@pytest.fixture
def sprites(tmp_path: Path) -> SpriteSet:
    return tiny_sprites(tmp_path)


@pytest.fixture
def card(sprites: SpriteSet) -> str:
    metrics = {"checkpoint": "0123", "recognition": {"top1": 0.5}}
    texts = "Two {steps}.", "It knows nothing."
    return shipped_card(tiny_pipeline().model, sprites, metrics, *texts, [("concepts.webp", "All of them")])


def test_the_shipped_card_is_complete(card: str, sprites: SpriteSet) -> None:
    """Guards against a field that is not filled in, and a text of the caller that is lost."""
    assert re.findall(r"\{\w*\}", card) == ["{steps}"]
    for text in ("`0123`", "top-1 50.0%", "Two {steps}.", "It knows nothing.", "](concepts.webp)"):
        assert text in card
    assert "On 24 drawings of 8 concepts in 3 drawing styles" in card and ", ".join(STYLES) in card
    assert credits(sprites) in card


def test_credits_are_inherited(card: str, sprites: SpriteSet) -> None:
    """Guards against a fine-tuned checkpoint, or one fine-tuned from that, that credits nobody."""
    section = inherited_credits(card)
    assert section.startswith(f"\n{CREDITS_HEADING}\n") and credits(sprites) in section
    assert "## Limits" not in section
    assert inherited_credits(f"# Another\n{section}\n## More\n\ntext\n") == section
    assert inherited_credits("# A small DALL·E\n") == ""
