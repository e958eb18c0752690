"""Tests of tokenizer and text encoder: every string can be encoded, the same alone or in a batch."""

import json
import unicodedata

import pytest
import torch

from dalle.config import PRESETS, TextConfig
from dalle.networks.text_encoder import TextEncoder, Tokenizer
from tests.tiny import CAPTIONS, tiny_model

STRINGS = [
    "",
    " ",
    "\x00\x01\x1b\n\r\t\x7f\u2028",
    "苹果和香蕉",
    "👩‍🌾🏳️‍🌈🍎",
    "<pad><start><end>",
    "ﬁ Å é",
    "عربى हिन्दी",
    "x" * 10_000,
    "苹" * 10_000,
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return tiny_model().tokenizer


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(PRESETS["tiny"].text).eval().requires_grad_(False)


@pytest.mark.parametrize("text", STRINGS, ids=lambda text: f"{text[:4]!a}x{len(text)}")
def test_every_string_has_tokens(tokenizer: Tokenizer, encoder: TextEncoder, text: str) -> None:
    """Guards against prompts that crash, or lose unknown characters."""
    tokens = tokenizer([text])
    assert tokens.dtype == torch.int64 and 2 <= tokens.shape[1] <= tokenizer.length
    assert tokens[0, 0] == 1 and tokens[0, -1] == 2 and (tokens != 0).all()
    assert tokens.max() < PRESETS["tiny"].text.vocabulary
    caption = encoder(tokens)
    assert caption.states.isfinite().all() and caption.pooled.isfinite().all()
    if not tokenizer.overflow(text):
        read = tokenizer.bpe.decode(tokens[0].tolist(), skip_special_tokens=True).removeprefix(" ")
        assert read.strip() == unicodedata.normalize("NFKC", text).lower().strip()


SAME = [("A Red APPLE", "a red apple"), ("ｄｏｇ", "dog"), ("ÉTÉ", "été")]


@pytest.mark.parametrize(("text", "same"), SAME)
def test_case_and_width_do_not_matter(tokenizer: Tokenizer, text: str, same: str) -> None:
    """Guards against prompts that are encoded otherwise in upper case."""
    assert torch.equal(tokenizer([text]), tokenizer([same]))


@pytest.mark.parametrize("text", ["a dog and " * 40, "狗" * 100, "🍎 and 👩‍🌾 " * 30])
def test_the_overflow_is_the_part_that_is_cut_off(tokenizer: Tokenizer, text: str) -> None:
    """Guards against the end of a prompt that is silently dropped."""
    rest = tokenizer.overflow(text)
    assert rest and text.strip().endswith(rest)
    read = text.strip().removesuffix(rest)
    tokens, whole = tokenizer([read])[0, :-1], tokenizer([text])[0, :-1]
    assert len(whole) + 1 == tokenizer.length >= len(tokens) + 1 > tokenizer.length - 4
    assert torch.equal(tokens, whole[: len(tokens)])


def test_a_caption_that_fits_has_no_overflow(tokenizer: Tokenizer) -> None:
    """Guards against a warning under every prompt."""
    assert [tokenizer.overflow(text) for text in ("", *CAPTIONS)] == [""] * (1 + len(CAPTIONS))


def test_padding_changes_nothing(tokenizer: Tokenizer, encoder: TextEncoder) -> None:
    """Guards against captions that are encoded otherwise next to a longer one."""
    texts = ["", "a dog", "a green cat to the left of a red house and a dog"]
    together = encoder(tokenizer(texts))
    for row, text in enumerate(texts):
        alone = encoder(tokenizer([text]))
        length = alone.states.shape[1]
        assert together.mask[row].sum() == length
        assert torch.allclose(together.states[row, :length], alone.states[0], atol=1e-5)
        assert torch.allclose(together.pooled[row], alone.pooled[0], atol=1e-5)


def test_different_captions_have_different_embeddings(tokenizer: Tokenizer, encoder: TextEncoder) -> None:
    """Guards against an encoder that ignores the order of words, or fails on the empty caption."""
    texts = ["", "a dog", "a red dog", "dog red a"]
    vectors = encoder(tokenizer(texts)).embedding
    assert vectors.norm(dim=1) == pytest.approx(torch.ones(4), abs=1e-5)
    assert (torch.cdist(vectors, vectors) + torch.eye(4)).min() > 1e-3


def test_a_tokenizer_of_another_network_is_refused(tokenizer: Tokenizer, tmp_path) -> None:
    """Guards against tokens that mean other words, or have no embedding."""
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    again = Tokenizer.load(path, PRESETS["tiny"].text)
    assert torch.equal(again(CAPTIONS), tokenizer(CAPTIONS))
    with pytest.raises(ValueError, match="tokenizer of another network"):
        Tokenizer.load(path, TextConfig(vocabulary=100))
    path.write_text(path.read_text().replace("<start>", "[CLS]"))
    with pytest.raises(ValueError, match="tokenizer of another network"):
        Tokenizer.load(path, PRESETS["tiny"].text)
    tokenizer.save(path)
    for part, rules in (
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False},
        ),
        ("normalizer", {"type": "Prepend", "prepend": "x" * 1000}),
        ("post_processor", None),
    ):
        hostile = tmp_path / "hostile.json"
        hostile.write_text(json.dumps(json.loads(path.read_text()) | {part: rules}))
        with pytest.raises(ValueError, match="tokenizer of another network"):
            Tokenizer.load(hostile, PRESETS["tiny"].text)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json is no tokenizer"):
        Tokenizer.load(path, PRESETS["tiny"].text)


def test_training_a_tokenizer_twice_gives_the_same() -> None:
    """Guards against a vocabulary that depends on chance."""
    first, second = (Tokenizer.train(CAPTIONS, 512, 32).bpe.to_str() for _ in range(2))
    assert first == second
