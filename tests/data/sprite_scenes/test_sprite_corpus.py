"""Texts of a sprite set: every concept has a label, and captions bring in words that no label has."""

from pathlib import Path

from dalle.data.sprite_scenes.corpus import english_texts, known_labels, labels_and_keywords
from tests.tiny_sprites import LABELS, tiny_sprites


def test_labels_are_captions_in_the_order_of_the_set(tmp_path: Path) -> None:
    """Guards against a label that no caption has: prompts are read as these."""
    labels = known_labels(tiny_sprites(tmp_path))
    assert labels == [f"{'an' if label == 'apple' else 'a'} {label}" for label in LABELS]


def test_texts_have_the_words_of_scenes(tmp_path: Path) -> None:
    """Guards against words of scenes that count as unknown."""
    texts = [text.lower() for text in english_texts(tiny_sprites(tmp_path), scenes=200)]
    words = {word.strip(",.") for text in texts for word in text.split()}
    assert {"a", "cats", "background", "style"} <= words


def test_labels_and_keywords_are_by_language(tmp_path: Path) -> None:
    """Guards against words of other languages among the English ones, which are suggested first."""
    sprites = tiny_sprites(tmp_path)
    german = {label.upper() for label in LABELS}
    assert german <= set(labels_and_keywords(sprites))
    assert set(labels_and_keywords(sprites, "de")) == german
    assert {"cat", "cat thing"} < set(labels_and_keywords(sprites, "en")) - german
