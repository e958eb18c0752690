"""Laws of the training tasks: everything that is to be trained is trained, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dalle.config import PRESETS
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import Scene
from dalle.data.scenes.scene_dataset import Sample, SceneDataset, image_batch
from dalle.networks.autoencoder import FeatureExtractor
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.training import feature_cache
from dalle.training.feature_cache import CachedSample, FeatureCache
from dalle.training.synonyms import SynonymDataset
from dalle.training.tasks import (
    ADVERSARIAL_WEIGHT,
    CAPTION_TOKENS,
    AutoencoderTask,
    FlowTask,
    GeneratorTask,
    SynonymTask,
    TextTask,
    positive_pairs,
)
from dalle.training.text_teacher import Teacher
from tests.fakes import fake_emoji

TINY = PRESETS["tiny"]
BATCH = 8


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(fake_emoji(), size=TINY.image_size)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["a red apple", "a dog"], TINY.text.vocabulary, TINY.text.length)


@pytest.fixture
def model(tokenizer: Tokenizer) -> DALLEModel:
    """As training finds it: with layers that start at zero."""
    return DALLEModel(TINY, tokenizer)


SYNONYMS = [(f"word {n}", f"label {n % 5}") for n in range(20)]


class Features:
    """Samples of a feature cache, without a folder."""

    def __getitem__(self, index: int) -> CachedSample:
        noise = np.random.default_rng(index).standard_normal((TINY.tokens, TINY.channels))
        return CachedSample(index, noise.astype(np.float16), f"caption {index}")


def autoencoder(model: DALLEModel, composer: Composer) -> nn.Module:
    return AutoencoderTask(model, SceneDataset(composer, anywhere=True), SceneDataset(composer))


def generator(model: DALLEModel, composer: Composer) -> nn.Module:
    return GeneratorTask(model, composer, adversarial=ADVERSARIAL_WEIGHT)


def text(model: DALLEModel, composer: Composer) -> nn.Module:
    texts = [f"word {n}" for n in range(20)]
    teacher = Teacher(texts, nn.functional.normalize(torch.randn(len(texts), 384), dim=1))
    return TextTask(model, composer, teacher)


def synonyms(model: DALLEModel, composer: Composer) -> nn.Module:
    return SynonymTask(model, SynonymDataset(SYNONYMS, composer))


def flow(model: DALLEModel, composer: Composer) -> nn.Module:
    return FlowTask(DALLE(model), Features())


TASKS = [autoencoder, generator, text, synonyms, flow]
Make = Callable[[DALLEModel, Composer], nn.Module]


def trained(task: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in task.named_parameters() if parameter.requires_grad}


def loss_of(task: nn.Module, step: int) -> Tensor:
    items = [task.dataset[index] for index in range(step * BATCH, (step + 1) * BATCH)]
    loss, parts = task(task.collate(items))
    assert loss.dim() == 0 and loss.isfinite()
    assert all(part.dim() == 0 and not part.requires_grad for part in parts.values())
    return loss


@pytest.mark.parametrize("make", TASKS)
def test_every_parameter_gets_a_gradient(make: Make, model: DALLEModel, composer: Composer) -> None:
    """Guards against a network that stays as it was made: behind gates at zero a few steps may pass."""
    task = make(model, composer)
    waiting = trained(task)
    for step in range(6):
        loss_of(task, step).backward()
        waiting = {name: p for name, p in waiting.items() if p.grad is None or not p.grad.any()}
        with torch.no_grad():
            for parameter in trained(task).values():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad / (parameter.grad.norm() + 1e-9)
                    parameter.grad = None
    assert sorted(waiting) == []


def test_the_phases_train_the_whole_checkpoint(tokenizer: Tokenizer, composer: Composer) -> None:
    """Guards against keys of a checkpoint that nothing has ever trained."""
    model, seen = DALLEModel(TINY, tokenizer), set()
    for make in TASKS:
        seen |= {id(parameter) for parameter in trained(make(model, composer)).values()}
    assert [name for name, parameter in model.named_parameters() if id(parameter) not in seen] == []


def test_a_sharper_generator_leaves_the_rest_alone(model: DALLEModel, composer: Composer) -> None:
    """Guards against features that move under the flow, and a critic that is trained to be fooled."""
    task = generator(model, composer)
    assert {name.split(".")[0] for name in trained(task)} == {"generator", "critic"}
    pictures = image_batch([task.dataset[index] for index in range(4)])
    drawn = torch.zeros_like(pictures, requires_grad=True)
    passing, telling = task.critic.losses(pictures, drawn)
    passing.backward()
    assert drawn.grad.any() and all(parameter.grad is None for parameter in task.critic.parameters())
    drawn.grad = None
    telling.backward()
    assert drawn.grad is None and all(parameter.grad is not None for parameter in task.critic.parameters())


def test_terms_without_weight_are_left_out(model: DALLEModel, composer: Composer) -> None:
    """Guards against a critic whose gradient shrinks the Generator's where it is not to be heard."""
    tasks = [GeneratorTask(model, composer, *weights) for weights in ((0, 0), (0.1, 0), (0.1, 0.02))]
    pixels = tasks[0].collate([tasks[0].dataset[index] for index in range(4)])
    terms = [task(pixels)[1].keys() - {"psnr"} for task in tasks]
    assert [len(each) for each in terms] == [1, 2, 3] and terms[0] < terms[1] < terms[2]
    assert all({name.split(".")[0] for name in trained(task)} == {"generator"} for task in tasks[:2])


@pytest.mark.parametrize("make", TASKS)
def test_a_sheet_is_a_picture_or_nothing(make: Make, model: DALLEModel, composer: Composer) -> None:
    """Guards against runs that die hours after their start, at the first sheet."""
    sheet = make(model.requires_grad_(False), composer).sample_grid()
    assert sheet is None or min(sheet.size) >= TINY.image_size


def test_features_end_standardised(model: DALLEModel, composer: Composer) -> None:
    """Guards against an autoencoder that is handed on without the scale of its features."""
    task = autoencoder(model, composer)
    task.standardise(count=64)
    pictures = image_batch([task.plain[index] for index in range(64)])
    features = model.extractor(pictures).detach().flatten(0, 1)
    assert features.mean(0) == pytest.approx(torch.zeros(TINY.channels), abs=1e-4)
    assert features.std(0) == pytest.approx(torch.ones(TINY.channels), abs=1e-2)
    assert torch.equal(model.generator.mean, model.extractor.mean)
    assert torch.equal(model.generator.deviation, model.extractor.deviation)


def test_one_caption_in_ten_is_empty_and_long_ones_are_cut(model: DALLEModel, composer: Composer) -> None:
    """Guards against a flow that never learns to draw without words, which guidance needs."""
    task = flow(model, composer)
    entries = [task.dataset[index] for index in range(20)]
    entries[3] = entries[3]._replace(caption="a red apple " * 30)
    _, tokens = task.collate(entries)
    assert tokens.shape == (20, CAPTION_TOKENS)
    empty = tokens[:, 2:].sum(1) == 0
    assert empty.nonzero().flatten().tolist() == [0, 10]
    assert (tokens[3] != 0).all()


# --- which captions are true of which pictures


def sample(says: str, has: str) -> Sample:
    scene = Scene("", (), (0, 0, 0), "single", frozenset(says.split()), frozenset(has.split()))
    return Sample(0, scene, np.zeros((1, 1, 3), np.uint8))


def test_also_true_by_hand() -> None:
    """Guards against a caption that is held against a picture of which it is true."""
    samples = [
        sample("dog", "dog noto white"),
        sample("dog twemoji", "dog twemoji white"),
        sample("cat", "cat noto white"),
        sample("dog cat", "dog cat noto white"),
        sample("", "apple"),
    ]
    assert positive_pairs(samples).int().tolist() == [
        [1, 1, 0, 1, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 1, 0],
        [1, 1, 1, 1, 1],
    ]


def test_every_caption_is_true_of_its_own_picture(composer: Composer) -> None:
    """Guards against scenes that state what they do not have."""
    assert positive_pairs([SceneDataset(composer)[index] for index in range(40)]).diagonal().all()


def test_the_autoencoder_sees_things_anywhere(composer: Composer) -> None:
    """Guards against an autoencoder that only knows the grid on which scenes stand."""
    scenes, moved = SceneDataset(composer), SceneDataset(composer, anywhere=True)
    for index in range(0, 20, 2):
        assert moved[index].scene == scenes[index].scene
    for index in range(1, 20, 2):
        before, after = scenes[index].scene.objects, moved[index].scene.objects
        assert [thing.icon for thing in before] == [thing.icon for thing in after]
        for thing, small in zip(before, after, strict=True):
            assert thing.size / 2 <= small.size <= thing.size
            assert all(small.size / 2 - 1e-9 <= at <= 1 - small.size / 2 + 1e-9 for at in (small.x, small.y))


# --- the feature cache


def test_a_feature_cache_holds_what_the_extractor_sees(tmp_path: Path, composer: Composer) -> None:
    """Guards against features and captions that are not of the same scene."""
    extractor = FeatureExtractor(TINY.autoencoder)
    feature_cache.build_feature_cache(extractor, composer, 10, tmp_path / "cache", batch=4)
    cache = FeatureCache(tmp_path / "cache")
    epochs = [[cache[index] for index in range(start, start + 10)] for start in (0, 10)]
    scenes = {composer.scene(index).caption: index for index in range(10)}
    for epoch in epochs:
        assert sorted(entry.caption for entry in epoch) == sorted(cache.captions)
    for entry in epochs[0]:
        picture = image_batch([SceneDataset(composer)[scenes[entry.caption]]])
        expected = extractor(picture)[0].detach()
        assert torch.allclose(torch.tensor(entry.features).float(), expected, atol=0.1)
    assert [e.caption for e in epochs[0]] != [e.caption for e in epochs[1]]
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    cache.check_extractor(extractor)
    with pytest.raises(ValueError, match="another extractor"):
        cache.check_extractor(FeatureExtractor(TINY.autoencoder))
    with pytest.raises(FileExistsError, match="cache exists; delete it, or choose another folder"):
        feature_cache.build_feature_cache(extractor, composer, 10, tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="python -m dalle dataset features"):
        FeatureCache(tmp_path / "none")


def test_batches_of_the_teacher_cover_all_words() -> None:
    """Guards against teacher words that are never used, and batches that change when a run resumes."""
    teacher = Teacher([str(n) for n in range(10)], torch.arange(10.0)[:, None])
    words = [word for step in range(5) for word in teacher.batch(step, 2)[0]]
    assert sorted(words) == teacher.texts
    again, embeddings = teacher.batch(3, 2)
    assert again == words[6:8] == [str(int(value)) for value in embeddings]


def test_synonyms_come_to_their_labels_and_captions_stay(model: DALLEModel, composer: Composer) -> None:
    """Guards against a text encoder that learns new words and moves under the flow, or learns none."""
    task = synonyms(model, composer)
    batch = task.collate([task.dataset[index] for index in range(64)])
    optimizer = torch.optim.AdamW(trained(task).values(), 3e-3)
    _, first = task(batch)
    assert first["moved"] < 1e-9
    for _ in range(40):
        optimizer.zero_grad()
        loss, _ = task(batch)
        loss.backward()
        optimizer.step()
    _, last = task(batch)
    assert last["matched"] < 0.7 * first["matched"] and last["apart"] < first["apart"] and last["moved"] < 0.1
