"""Laws of the referee: it learns to name, says honestly how well, and reads back what it wrote."""

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
from dalle.evaluation.classifier_training import ClassifierTask, Icons, accuracy, class_names, train
from tests.fakes import fake_emoji

SIZE = 32
SMALL = {"unseen": "twemoji", "size": SIZE, "widths": (16, 32), "workers": 0, "save_every": 1000}


QUICK = {"batch": 32, "muon": 5e-3, "learning_rate": 4e-3, "warmup": 5, "average": 0.9}


pytestmark = pytest.mark.usefixtures("full_precision")


@pytest.fixture(scope="module")
def emoji() -> EmojiSet:
    return shapes.shaped_emoji()


@pytest.fixture
def untrained(emoji: EmojiSet) -> IconClassifier:
    referee = IconClassifier(class_names(emoji), SIZE, (16, 32))
    for parameter in referee.parameters():
        if not parameter.any():  # layers that start at zero would hide what comes before them
            torch.nn.init.normal_(parameter, std=0.1)
    return referee.bfloat16().float().eval()  # as its file holds it


def icons_of(emoji: EmojiSet, styles: dict[str, float]) -> Icons:
    return Icons(
        Composer(emoji, size=SIZE, mix=SceneWeights(kinds={"single": 1, "colour": 1}, styles=styles)), SIZE
    )


def test_it_learns_to_name(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against a referee that learns nothing, labels that do not fit, and a file that loses weights."""
    trained = train(emoji, tmp_path, 60, **QUICK, **SMALL)
    assert trained.figures["seen_top1"] >= 0.6  # by chance 0.07
    # The unseen style has the same drawings here, so it must be named as well.
    assert trained.figures["unseen_top1"] == trained.figures["seen_top1"]
    assert accuracy(IconClassifier.load(tmp_path), emoji, "twemoji") == trained.figures
    assert trained.data == "shapes" and len(trained.digest) == 12
    assert (tmp_path / "sheets").is_dir()


def test_training_twice_gives_one_referee(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against figures that nobody can reproduce."""
    digests = [train(emoji, tmp_path / which, 3, batch=4, **SMALL).digest for which in "ab"]
    assert digests[0] == digests[1]
    assert train(emoji, tmp_path / "c", 3, batch=4, seed=1, **SMALL).digest != digests[0]


def test_only_the_main_process_writes(
    emoji: EmojiSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against several processes that write one file at once, and read it half written."""
    monkeypatch.setattr(Accelerator, "is_main_process", False)
    assert train(emoji, tmp_path, 1, batch=4, **SMALL) is None
    assert list(tmp_path.iterdir()) == []


def test_the_unseen_style_is_never_seen(emoji: EmojiSet) -> None:
    """Guards against an accuracy on unseen drawings that were seen: here those are of another colour."""
    marked = emoji.pixels.copy()
    for index, icon in enumerate(emoji.icons):
        marked[index, ..., :3] = (255, 0, 255) if icon.style == "twemoji" else (0, 255, 0)
    icons = icons_of(replace(emoji, pixels=marked), {"twemoji": 0})
    styles = {emoji.icons[thing.icon].style for i in range(200) for thing in icons.composer.scene(i).things}
    assert styles == {"noto"}
    assert {answer for _, answer in (icons[i] for i in range(200))} == set(range(len(class_names(emoji))))


def test_samples_are_pure_and_fit_their_labels(emoji: EmojiSet) -> None:
    """Guards against pictures that change from run to run, and an augmentation that hides the thing."""
    icons = icons_of(emoji, {})
    named = 0
    for index in range(60):
        picture, answer = icons[index]
        again, same = icons[index]
        assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8
        assert np.array_equal(picture, again) and answer == same
        named += picture.std() > 8
    assert named >= 57


def test_every_parameter_gets_a_gradient(untrained: IconClassifier, emoji: EmojiSet) -> None:
    """Guards against a layer that is never used."""
    task = ClassifierTask(untrained, icons_of(emoji, {}))
    loss, _ = task(task.collate([task.dataset[i] for i in range(4)]))
    loss.backward()
    assert [name for name, p in task.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_near_identical_concepts_are_one_answer() -> None:
    """Guards against counting a man cook wrong where a woman cook was asked for."""
    answers = class_names(fake_emoji())
    assert "cook" in answers and "man-cook" not in answers
    assert len(answers) == len(set(answers)) == 14


def test_ranks(untrained: IconClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against ties that count as named: who knows nothing must not be right about everything."""
    answers, pictures = untrained.answers, torch.zeros(3, 3, SIZE, SIZE)
    level = torch.full((3, len(answers)), 1 / len(answers))
    monkeypatch.setattr(untrained, "name", lambda pictures: level)
    right = [{answers[0]}, {answers[5]}, {answers[1], answers[2]}]
    assert untrained.ranks(pictures, right).tolist() == [13, 13, 12]
    sure = level.clone()
    sure[0, 0] = sure[1, 4] = sure[2, 2] = 0.9
    sure[1, 5] = 0.5
    monkeypatch.setattr(untrained, "name", lambda pictures: sure)
    assert untrained.ranks(pictures, right).tolist() == [0, 1, 0]


@pytest.mark.parametrize("size", [20, SIZE, 128])
def test_it_reads_any_size(untrained: IconClassifier, size: int) -> None:
    """Guards against a batch that mixes pictures, and sizes that fail."""
    pictures = torch.rand(2, 3, size, size) * 2 - 1
    named = untrained.name(pictures)
    assert named.sum(1).tolist() == pytest.approx([1, 1])
    assert torch.allclose(named[:1], untrained.name(pictures[:1]), atol=1e-5)


def test_perceptual_distance(untrained: IconClassifier) -> None:
    """Guards against a distance that is not 0 at home, has a direction, or does not grow."""
    a, noise = torch.rand(2, 3, SIZE, SIZE) * 2 - 1, torch.randn(2, 3, SIZE, SIZE)
    assert untrained.distance(a, a).tolist() == [0, 0]
    near, far = a + 0.1 * noise, a + noise
    assert torch.allclose(untrained.distance(a, near), untrained.distance(near, a))
    assert (untrained.distance(a, far) > 2 * untrained.distance(a, near)).all()


def test_pictures_may_not_teach_it_a_missing_style(emoji: EmojiSet, tmp_path: Path) -> None:
    """Guards against an empty share of unseen drawings, which would divide by zero after an hour."""
    with pytest.raises(ValueError, match="'fxemoji'"):
        train(emoji, tmp_path, 1)


def test_files_that_are_no_referee(untrained: IconClassifier, tmp_path: Path) -> None:
    """Guards against a traceback instead of a word about what to do."""
    with pytest.raises(FileNotFoundError, match="train referee"):
        IconClassifier.load(tmp_path)
    path = tmp_path / "referee.safetensors"
    untrained.save(tmp_path)
    whole = path.read_bytes()
    pictures = images.from_arrays(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    assert torch.equal(IconClassifier.load(tmp_path).name(pictures), untrained.name(pictures))
    for damaged in (b"", b"pickle", whole[:-8], whole.replace(b"answers", b"questns")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="no referee"):
            IconClassifier.load(tmp_path)
