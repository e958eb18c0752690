"""Tests of dalle/prompts/rewriter.py: known words stay, an unknown name becomes the nearest label."""

import copy

import pytest
import torch

from dalle.pipeline.checkpoint import LABELS_FILE
from dalle.pipeline.dalle import DALLE
from dalle.prompts.rewriter import MAX_LABELS, PromptRewriter
from tests.tiny import tiny_pipeline

LABELS = ("a red apple", "a cat", "an ox", "a sneezing face", "a cat", "red hearts")
MEANINGS = {"una manzana roja": "a red apple", "红苹果": "a red apple", "gato": "a cat", "kitty": "a cat"}


def embed(texts: list[str]) -> torch.Tensor:
    """A text encoder that knows the MEANINGS; all other texts share one more axis."""
    axes = list(dict.fromkeys(LABELS))
    vectors = torch.zeros(len(texts), len(axes) + 1)
    for row, text in enumerate(texts):
        label = MEANINGS.get(text, text)
        vectors[row, axes.index(label) if label in axes else -1] = 1
    return vectors


@pytest.fixture
def rewriter() -> PromptRewriter:
    return PromptRewriter(LABELS, embed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!?",
        "🍎",
        "12",
        "a red apple",
        "A CAT, noto style",
        "three red apples and two oxen on a blue background",
        "a small cat in the top left corner",
        "cat emoji",
        "a cat wearing a hat",  # unknown words among known ones
        "a neon sign of a cat",
        "a wooden cat at the beach at night",
        "a cat in the shape of an ox, pixel art",
        "a cat, thin line icon",
        "a terrier",  # near to none of the labels
        "gato " * 100,
    ],
)
def test_known_words_are_not_rewritten(rewriter: PromptRewriter, text: str) -> None:
    """Guards against prompts that are rewritten without need, or to something else."""
    assert rewriter.rewrite(text) == text


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("una manzana roja", "a red apple"),
        ("红苹果", "a red apple"),
        ("红苹果，noto style", "a red apple,noto style"),
        ("gato on a blue background", "a cat on a blue background"),
        ("kitty, fluent 3d style", "a cat, fluent 3d style"),
        ("a snezeing face", "a sneezing face"),  # a typo
        ("a red aple, noto style", "a red apple, noto style"),
    ],
)
def test_an_unknown_name_becomes_the_nearest_label(
    rewriter: PromptRewriter, text: str, rewritten: str
) -> None:
    """Guards against names that are not rewritten, and styles and backgrounds that are lost with them."""
    assert rewriter.rewrite(text) == rewritten


def test_without_labels_nothing_is_rewritten() -> None:
    """Guards against errors with checkpoints that have no labels."""
    assert PromptRewriter((), embed).rewrite("una manzana roja") == "una manzana roja"


def test_the_number_of_labels_is_bounded() -> None:
    """Guards against an untrusted checkpoint that takes minutes for its first prompt."""
    assert (
        len(PromptRewriter([f"label {number}" for number in range(3 * MAX_LABELS)], embed).labels)
        == MAX_LABELS
    )


def test_a_checkpoint_keeps_labels_and_takes_more(tmp_path) -> None:
    """Guards against labels that are lost when a checkpoint is saved, or when more are added."""
    pipeline = tiny_pipeline()
    pipeline.add_labels(LABELS[:2])
    pipeline.add_labels(["a blorple"])
    pipeline.save_pretrained(tmp_path / "kept")
    loaded = DALLE.from_pretrained(tmp_path / "kept")
    assert loaded.rewriter.labels == ("a blorple", "a red apple", "a cat")
    tiny_pipeline().save_pretrained(tmp_path / "plain")
    assert not (tmp_path / "plain" / LABELS_FILE).exists()


def test_the_flow_is_conditioned_on_the_rewritten_prompt() -> None:
    """Guards against a rewriter that is not used, and a copied pipeline that uses the original's encoder."""
    pipeline = tiny_pipeline()
    pipeline.add_labels(["a red apple"])
    model = pipeline.model
    assert torch.equal(
        pipeline.encode_prompts(["a red aple"]).states, pipeline.encode_prompts(["a red apple"]).states
    )
    assert not torch.equal(model.embed(["a red aple"]), model.embed(["a red apple"]))
    copied = copy.deepcopy(pipeline)
    copied.model.text.tokens.weight.data.mul_(2)
    assert copied.rewriter.labels == pipeline.rewriter.labels
    assert torch.equal(copied.rewriter._embed(["a dog"]), copied.model.embed(["a dog"]))
