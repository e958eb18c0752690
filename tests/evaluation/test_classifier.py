"""Tests of the IconClassifier: it learns, reports its accuracy, and saves and loads without loss."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapes
import torch
from accelerate import Accelerator

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import SceneWeights
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.classifier_training import (
    ClassifierTask,
    IconDataset,
    class_names,
    measure_accuracy,
    train_classifier,
)
from tests.fakes import fake_emoji

SIZE = 32
SMALL = {"held_out_style": "twemoji", "size": SIZE, "widths": (16, 32), "workers": 0, "save_every": 1000}
QUICK = {"batch": 32, "muon_learning_rate": 5e-3, "learning_rate": 4e-3, "warmup": 5, "ema_decay": 0.9}


pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture
def untrained(emoji: EmojiSet) -> IconClassifier:
    classifier = IconClassifier(class_names(emoji), SIZE, (16, 32))
    for parameter in classifier.parameters():
        if not parameter.any():  # layers that start at zero would hide the effect of those before them
            torch.nn.init.normal_(parameter, std=0.1)
    return classifier.bfloat16().float().eval()  # the precision of its file


def icon_dataset(emoji: EmojiSet, styles: dict[str, float]) -> IconDataset:
    return IconDataset(
        Composer(emoji, size=SIZE, weights=SceneWeights(kinds={"single": 1, "colour": 1}, styles=styles)),
        SIZE,
    )


def test_it_learns_to_classify(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against a classifier that learns nothing, wrong labels, and a file that loses weights."""
    trained = train_classifier(emoji, tmp_path, 60, **QUICK, **SMALL)
    assert trained.metrics["seen_top1"] >= 0.6  # by chance 0.07
    # The held-out style has the same icons here, so its accuracy must be the same.
    assert trained.metrics["unseen_top1"] == trained.metrics["seen_top1"]
    assert measure_accuracy(IconClassifier.load(tmp_path), emoji, "twemoji") == trained.metrics
    assert trained.data == "shapes" and len(trained.digest) == 12
    assert (tmp_path / "sheets").is_dir()


def test_training_is_reproducible(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against metrics that nobody can reproduce."""
    digests = [train_classifier(emoji, tmp_path / which, 3, batch=4, **SMALL).digest for which in "ab"]
    assert digests[0] == digests[1]
    assert train_classifier(emoji, tmp_path / "c", 3, batch=4, seed=1, **SMALL).digest != digests[0]


def test_only_the_main_process_writes(
    emoji: EmojiSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against several processes writing one file at once, and reading it half written."""
    monkeypatch.setattr(Accelerator, "is_main_process", False)
    assert train_classifier(emoji, tmp_path, 1, batch=4, **SMALL) is None
    assert list(tmp_path.iterdir()) == []


def test_the_held_out_style_is_not_in_the_data(emoji: EmojiSet) -> None:
    """Guards against training on the held-out style, whose icons have a colour of their own here."""
    marked = emoji.pixels.copy()
    for index, icon in enumerate(emoji.icons):
        marked[index, ..., :3] = (255, 0, 255) if icon.style == "twemoji" else (0, 255, 0)
    icons = icon_dataset(replace(emoji, pixels=marked), {"twemoji": 0})
    styles = {emoji.icons[item.icon].style for i in range(200) for item in icons.composer.scene(i).objects}
    assert styles == {"noto"}
    assert {label for _, label in (icons[i] for i in range(200))} == set(range(len(class_names(emoji))))


def test_samples_are_pure_and_fit_their_labels(emoji: EmojiSet) -> None:
    """Guards against images that change from run to run, and an augmentation that hides the icon."""
    icons = icon_dataset(emoji, {})
    visible = 0
    for index in range(60):
        picture, label = icons[index]
        again, same_label = icons[index]
        assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
        assert np.array_equal(picture, again) and label == same_label
        visible += picture.std() > 8
    assert visible >= 57


def test_every_parameter_gets_a_gradient(untrained: IconClassifier, emoji: EmojiSet) -> None:
    """Guards against a layer that is never used."""
    task = ClassifierTask(untrained, icon_dataset(emoji, {}))
    loss, _ = task(task.collate([task.dataset[i] for i in range(4)]))
    loss.backward()
    assert [name for name, p in task.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_near_identical_concepts_share_a_class() -> None:
    """Guards against counting a man cook as wrong for the prompt of a woman cook."""
    classes = class_names(fake_emoji())
    assert "cook" in classes and "man-cook" not in classes
    assert len(classes) == len(set(classes)) == 14


def test_target_ranks(untrained: IconClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against ties that count as correct: equal probabilities must not be right about everything."""
    classes, pictures = untrained.classes, torch.zeros(3, 3, SIZE, SIZE)
    uniform = torch.full((3, len(classes)), 1 / len(classes))
    monkeypatch.setattr(untrained, "classify", lambda pictures: uniform)
    targets = [{classes[0]}, {classes[5]}, {classes[1], classes[2]}]
    assert untrained.target_ranks(pictures, targets).tolist() == [13, 13, 12]
    confident = uniform.clone()
    confident[0, 0] = confident[1, 4] = confident[2, 2] = 0.9
    confident[1, 5] = 0.5
    monkeypatch.setattr(untrained, "classify", lambda pictures: confident)
    assert untrained.target_ranks(pictures, targets).tolist() == [0, 1, 0]


@pytest.mark.parametrize("size", [20, SIZE, 128])
def test_it_takes_any_size(untrained: IconClassifier, size: int) -> None:
    """Guards against results that depend on the rest of the batch, and sizes that fail."""
    pictures = torch.rand(2, 3, size, size) * 2 - 1
    probabilities = untrained.classify(pictures)
    assert probabilities.sum(1).tolist() == pytest.approx([1, 1])
    assert torch.allclose(probabilities[:1], untrained.classify(pictures[:1]), atol=1e-5)


def test_perceptual_distance(untrained: IconClassifier) -> None:
    """Guards against a distance that is not 0 for equal images, not symmetric, or does not grow."""
    a, noise = torch.rand(2, 3, SIZE, SIZE) * 2 - 1, torch.randn(2, 3, SIZE, SIZE)
    assert untrained.perceptual_distance(a, a).tolist() == [0, 0]
    near, far = a + 0.1 * noise, a + noise
    assert torch.allclose(untrained.perceptual_distance(a, near), untrained.perceptual_distance(near, a))
    assert (untrained.perceptual_distance(a, far) > 2 * untrained.perceptual_distance(a, near)).all()


def test_a_set_without_the_held_out_style_is_refused(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against a division by zero after an hour of training: no icon to measure the accuracy on."""
    with pytest.raises(ValueError, match="'fxemoji'"):
        train_classifier(emoji, tmp_path, 1)


def test_damaged_files_are_refused(untrained: IconClassifier, tmp_path: Path) -> None:
    """Guards against a traceback instead of a message that says what to do."""
    with pytest.raises(FileNotFoundError, match="train referee"):
        IconClassifier.load(tmp_path)
    path = tmp_path / "referee.safetensors"
    untrained.save(tmp_path)
    whole = path.read_bytes()
    pictures = images.from_arrays(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    assert torch.equal(IconClassifier.load(tmp_path).classify(pictures), untrained.classify(pictures))
    for damaged in (b"", b"pickle", whole[:-8], whole.replace(b"answers", b"questns")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="no referee"):
            IconClassifier.load(tmp_path)
