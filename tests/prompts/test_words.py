"""Words of texts in any script."""

from dalle.prompts.words import split_words


def test_split_words() -> None:
    """Guards against accents and vowel signs that split words, and scripts without spaces that are lost."""
    assert split_words("Crème brûlée, t-shirt & हिन्दी!") == ["crème", "brûlée", "t", "shirt", "हिन्दी"]
    assert split_words("ＡＢＣ e\u0301te\u0301") == ["abc", "été"]
    assert split_words("red苹果car") == ["red", "苹果", "car"]
    assert split_words("\u0301 ❤️ 👩‍🚀 123") == []
