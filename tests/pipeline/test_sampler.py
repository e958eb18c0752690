"""Tests of the sampler: predicted means, moved codes, and coroutines of batches."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from dalle.networks.solver import Field
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sampler import (
    CODE_SWITCH_TIME,
    SampleBatch,
    SampleCoroutine,
    Sampler,
    SampleState,
    run,
)
from dalle.recipe import Recipe
from tests.tiny import tiny_pipeline


def make_sampler() -> Sampler:
    return tiny_pipeline().make_sampler()


def test_a_mean_is_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against predicting all means of a batch again whenever a sample joins or leaves it."""
    sampler, calls = make_sampler(), []
    velocity = sampler.model.normalizer.velocity
    condition = velocity.condition

    def counted(caption, code, mean=None):
        calls.append((len(code), mean is not None))
        return condition(caption, code, mean)

    monkeypatch.setattr(velocity, "condition", counted)
    recipes = [Recipe("a dog", seed=1, size=32), Recipe("a dog", guidance=1, seed=2, size=32)]
    first, second = (sampler.prepare(recipe) for recipe in recipes)
    sampler.make_field([first])
    means = first.means
    field = sampler.make_field([first, second])
    assert calls == [(2, False), (2, True), (1, False), (3, True)]
    assert first.means is means and (len(first.means), len(second.means)) == (2, 1)
    x, time = torch.stack([first.trajectory.x, second.trajectory.x]), torch.ones(2)
    positive, negative = means
    guided = negative + Recipe().guidance * (positive - negative)
    assert torch.allclose(field(x, time), x - torch.stack([guided, *second.means]), atol=1e-5)
    sampler.make_field([second, first])
    assert calls[4:] == [(3, True)]


def test_a_code_that_was_not_moved_changes_nothing() -> None:
    """Guards against pictures that change as soon as a slider is touched."""
    pipeline, recipe = tiny_pipeline(), Recipe("a dog", seed=3, size=32)
    (code,) = initial_codes([recipe], pipeline.model.config)
    from_seed, stated = pipeline.draw([recipe, replace(recipe, code=code)])
    assert from_seed.image.tobytes() == stated.image.tobytes()


def guided_mean_shift(sample: SampleState) -> torch.Tensor:
    """How far the moved code moves the predicted mean, under guidance: (N, C)."""
    differences = [mean - base for mean, base in zip(sample.means, sample.base_means, strict=True)]
    if len(differences) == 1:
        return differences[0]
    positive, negative = differences
    return negative + sample.guidance * (positive - negative)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_a_moved_code_counts_for_the_mean_at_once_and_for_the_velocity_later(guidance: float) -> None:
    """Guards against sliders that make pictures jump from one mode to another."""
    sampler, recipe = make_sampler(), Recipe("a dog", seed=3, size=32, guidance=guidance)
    (code,) = initial_codes([recipe], sampler.model.config)
    samples = [sampler.prepare(replace(recipe, code=(value, *code[1:]))) for value in (2.0, code[0])]
    moved, base = (sampler.make_field([sample]) for sample in samples)
    shift = guided_mean_shift(samples[0])
    assert shift.abs().max() > 1e-3 and samples[1].base_code is None
    x = torch.randn(1, *shift.shape, generator=torch.Generator().manual_seed(0))
    for value in (CODE_SWITCH_TIME + 0.01, 0.7, 0.99):
        time = torch.tensor([value])
        assert torch.allclose(moved(x + (1 - value) * shift, time), base(x, time) - shift, atol=1e-5)
    samples[0].base_code, samples[0].base_means = None, ()
    as_if_sampled = sampler.make_field(samples[:1])
    for value in (0.05, CODE_SWITCH_TIME, 1.0):
        time = torch.tensor([value])
        assert torch.allclose(moved(x, time), as_if_sampled(x, time), atol=1e-5)
    time = torch.tensor([0.7])
    assert not torch.allclose(moved(x, time), as_if_sampled(x, time), atol=1e-4)


def test_moved_and_other_samples_share_a_batch() -> None:
    """Guards against a moved slider that changes the pictures next to it in a batch."""
    sampler = make_sampler()
    moved = Recipe("a dog", seed=3, size=32, guidance=2.5, code=(1.5,) * 20)
    samples = [sampler.prepare(recipe) for recipe in (moved, Recipe("a cat", seed=4, size=32, guidance=1.0))]
    together = sampler.make_field(samples)
    alone: list[Field] = [sampler.make_field([sample]) for sample in samples]
    x = torch.stack([sample.trajectory.x for sample in samples])
    for value in (1.0, 0.7, 0.2):
        time = torch.full((2,), value)
        expected = torch.cat([field(x[i : i + 1], time[:1]) for i, field in enumerate(alone)])
        assert torch.allclose(together(x, time), expected, atol=1e-5)


def test_a_coroutine_is_sent_the_images_of_its_batches() -> None:
    """Guards against results of another batch, and images that nobody wants but that are decoded."""
    sampler, steps = make_sampler(), []

    def work() -> SampleCoroutine[tuple[list[Image.Image], int]]:
        recipes = [Recipe("a dog", seed=seed, size=32, steps=count) for seed, count in ((1, 2), (2, 4))]
        none = yield SampleBatch(sampler, [sampler.prepare(recipe) for recipe in recipes], decode=False)
        one = yield SampleBatch(sampler, [sampler.prepare(recipes[0])])
        return one, len(none)

    images, undecoded = run(work(), lambda taken, count: steps.append((taken, count)))
    assert len(images) == 1 and images[0].size == (32, 32) and undecoded == 0
    assert steps == [(1, 2), (2, 2), (3, 4), (4, 4), (1, 2), (2, 2)]


def test_encoded_prompts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a slider that encodes the same prompt again at every move."""
    sampler, encoded = make_sampler(), []
    encode = sampler.model.encode_text
    monkeypatch.setattr(sampler.model, "encode_text", lambda texts: encoded.extend(texts) or encode(texts))
    for seed in range(3):
        sampler.prepare(Recipe("a dog", negative="a cat", seed=seed, size=32))
    assert encoded == ["a dog", "a cat"]
