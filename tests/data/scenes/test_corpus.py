"""The tokenizer's training texts."""

from dalle.data.scenes.corpus import tokenizer_corpus
from tests.fakes import fake_emoji


def test_corpus_holds_every_word() -> None:
    """Guards against a tokenizer that never saw a language."""
    emoji = fake_emoji()
    texts = list(tokenizer_corpus(emoji, scenes=50))
    assert {"gato", "puppy", "green apple"} <= set(texts)
    assert len(texts) == sum(1 + 2 + len(concept.keywords["en"]) for concept in emoji.concepts) + 50
