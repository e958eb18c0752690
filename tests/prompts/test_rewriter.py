"""Laws of the glossary: what it knows is read as it stands, and a strange name as the label that is meant."""

import copy

import pytest
import torch

from dalle.pipeline.checkpoint import LABELS
from dalle.pipeline.dalle import DALLE
from dalle.prompts.rewriter import MOST, PromptRewriter
from tests.tiny import tiny_model

LABELS_KNOWN = ("a red apple", "a cat", "an ox", "a sneezing face", "a cat", "red hearts")
MEANT = {"una manzana roja": "a red apple", "红苹果": "a red apple", "gato": "a cat", "kitty": "a cat"}


def embed(texts: list[str]) -> torch.Tensor:
    """As a text encoder that knows what is meant; all else lies apart."""
    axes = list(dict.fromkeys(LABELS_KNOWN))
    vectors = torch.zeros(len(texts), len(axes) + 1)
    for row, text in enumerate(texts):
        label = MEANT.get(text, text)
        vectors[row, axes.index(label) if label in axes else -1] = 1
    return vectors


@pytest.fixture
def glossary() -> PromptRewriter:
    return PromptRewriter(LABELS_KNOWN, embed)


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
        "a cat wearing a hat",  # strange words among known ones
        "a terrier",  # means none of the labels
        "gato " * 100,
    ],
)
def test_what_is_known_is_read_as_it_stands(glossary: PromptRewriter, text: str) -> None:
    """Guards against prompts that are bent without need, or to something else."""
    assert glossary.read(text) == text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("una manzana roja", "a red apple"),
        ("红苹果", "a red apple"),
        ("红苹果，noto style", "a red apple,noto style"),
        ("gato on a blue background", "a cat on a blue background"),
        ("kitty, fluent 3d style", "a cat, fluent 3d style"),
        ("a snezeing face", "a sneezing face"),  # a slip of the hand
        ("a red aple, noto style", "a red apple, noto style"),
    ],
)
def test_a_strange_name_is_read_as_what_it_means(glossary: PromptRewriter, text: str, read: str) -> None:
    """Guards against names that are left alone, and styles and backgrounds that are lost with them."""
    assert glossary.read(text) == read


def test_without_labels_all_is_read_as_it_stands() -> None:
    """Guards against checkpoints from before there were glossaries, or from other data."""
    assert PromptRewriter((), embed).read("una manzana roja") == "una manzana roja"


def test_more_labels_than_can_be_compared_are_left_out() -> None:
    """Guards against a stranger's checkpoint that takes minutes to read its first prompt."""
    assert len(PromptRewriter([f"label {number}" for number in range(3 * MOST)], embed).labels) == MOST


def test_a_model_keeps_its_labels_and_learns_more(tmp_path) -> None:
    """Guards against a glossary that is lost on the way to the disk, or that forgets when it learns."""
    model = tiny_model()
    model.learn(LABELS_KNOWN[:2])
    model.learn(["a blorple"])
    model.save_pretrained(tmp_path / "kept")
    again = DALLE.from_pretrained(tmp_path / "kept")
    assert again.glossary.labels == ("a blorple", "a red apple", "a cat")
    tiny_model().save_pretrained(tmp_path / "plain")
    assert not (tmp_path / "plain" / LABELS).exists()


def test_the_flow_is_told_what_the_glossary_reads() -> None:
    """Guards against a glossary that nobody asks, and a copy of a model that asks its original's."""
    model = tiny_model()
    model.learn(["a red apple"])
    assert torch.equal(model.read(["a red aple"]).states, model.read(["a red apple"]).states)
    assert not torch.equal(model.embed(["a red aple"]), model.embed(["a red apple"]))
    twin = copy.deepcopy(model)
    twin.text.tokens.weight.data.mul_(2)
    assert twin.glossary.labels == model.glossary.labels
    assert torch.equal(twin.glossary._embed(["a dog"]), twin.embed(["a dog"]))
