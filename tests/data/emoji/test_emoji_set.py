"""Loading the emoji set."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dalle.data.emoji.emoji_set import Concept, EmojiSet
from tests.data.emoji.packages import SIZE


def test_missing_set_says_how_to_build_it(tmp_path: Path) -> None:
    """Guards against an error without the command that builds the set, the first that a new trainer meets."""
    with pytest.raises(FileNotFoundError, match="python -m dalle dataset emoji"):
        EmojiSet.load(tmp_path)


@pytest.mark.parametrize("damage", ["cut pixels", "no pixels", "cut index", "other index", "other pixels"])
def test_damaged_set_is_refused(built: tuple[Path, list], tmp_path: Path, damage: str) -> None:
    """Guards against training on wrong images after half a download or a mixed-up copy."""
    folder = tmp_path / "emoji"
    shutil.copytree(built[0], folder)
    icons, index = folder / "icons.npy", folder / "index.json"
    if damage == "cut pixels":
        icons.write_bytes(icons.read_bytes()[:-1])
    elif damage == "no pixels":
        icons.write_bytes(b"")
    elif damage == "cut index":
        index.write_bytes(index.read_bytes()[:-9])
    elif damage == "other index":
        index.write_text("[1, 2]")
    else:
        np.save(icons, np.zeros((3, SIZE, SIZE, 4), np.uint8))
    with pytest.raises(ValueError, match=r"damaged.*python -m dalle dataset emoji"):
        EmojiSet.load(folder)


def test_held_out_keeps_variants_together(emoji: EmojiSet) -> None:
    """Guards against holding out a woman farmer while the farmer is trained on, which measures memory."""
    slugs = [f"concept-{number}" for number in range(4000)]
    concepts = [Concept(slug, "", "", "", slug, {}, {}) for slug in slugs]
    twins = [replace(concept, slug=f"woman-{concept.slug}") for concept in concepts]
    many = replace(emoji, concepts=(*concepts, *twins))
    held = [many.held_out(index) for index in range(8000)]
    assert held[:4000] == held[4000:]
    assert 0.04 < np.mean(held) < 0.06
