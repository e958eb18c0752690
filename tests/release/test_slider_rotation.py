"""Laws of turning the code: the model stays the same, and what was mixed comes apart."""

import numpy as np
import pytest
import torch
from PIL import Image

from dalle.config import PRESETS, Config
from dalle.recipe import Picture, Recipe
from dalle.release import slider_rotation
from tests.tiny import TOLD_CONFIG, tiny_model, tiny_pipeline

THUMBNAIL_SIZE = 32


def rotation(size: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]


@pytest.mark.parametrize("config", [PRESETS["tiny"], TOLD_CONFIG], ids=["learnt", "told"])
def test_a_turned_code_draws_and_reads_the_same(config: Config) -> None:
    """Guards against a network that is turned the other way, or only on one of its two sides."""
    model, turned = tiny_model(config=config), tiny_model(config=config)
    axes_of, told = torch.eye(config.flow.code, dtype=torch.float64), config.flow.told
    axes_of[told:, told:] = rotation(config.flow.learnt)
    slider_rotation.rotate_code(turned, axes_of)
    x, code = torch.randn(2, model.config.tokens, model.config.channels), torch.randn(2, len(axes_of))
    caption, time = model.encode_text(["a dog", ""]), torch.tensor([0.3, 0.6])
    before = model.normalizer.velocity(x, time, caption, code)
    after = turned.normalizer.velocity(x, time, caption, code @ axes_of.T.float())
    assert torch.allclose(before, after, atol=1e-4)
    means = [network.normalizer.reader(x, caption).mean for network in (model, turned)]
    assert torch.allclose(means[0] @ axes_of.T.float(), means[1], atol=1e-4)


class Mixed:
    """Draws a square whose side and colour each depend on a direction of its own, along no axis."""

    def __init__(self) -> None:
        self.model = tiny_model()
        self.size, self.warmth = rotation(self.model.config.flow.code)[:2].numpy()

    def draw(self, recipes: list[Recipe]) -> list[Picture]:
        return [Picture(self._square(recipe), recipe) for recipe in recipes]

    def _square(self, recipe: Recipe) -> Image.Image:
        code = np.array(recipe.code or np.random.default_rng(recipe.seed).standard_normal(20))
        side, blue = 16 + 3 * float(self.size @ code), 128 - 30 * float(self.warmth @ code)
        picture = np.full((THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), 255, np.uint8)
        half = int(np.clip(side, 4, 28)) // 2
        picture[16 - half : 16 + half, 16 - half : 16 + half] = (200, 128, np.clip(blue, 0, 255))
        return Image.fromarray(picture)


def test_what_was_mixed_comes_apart() -> None:
    """Guards against axes that are no rotation, and sliders that still do half of two things."""
    model = Mixed()
    found = slider_rotation.find_rotation(
        model, [Recipe("a square", seed=seed, size=THUMBNAIL_SIZE) for seed in range(24)]
    ).numpy()
    assert found @ found.T == pytest.approx(np.eye(len(found)), abs=1e-6)
    for direction in (model.size, model.warmth):
        assert np.abs(found @ direction).max() > 0.9


def test_told_numbers_are_not_turned() -> None:
    """Guards against a size slider that turns pictures blue as well."""
    pipeline = tiny_pipeline(config=TOLD_CONFIG)
    recipes = [Recipe("a dog", seed=seed, size=THUMBNAIL_SIZE, steps=1) for seed in range(3)]
    axes = slider_rotation.find_rotation(pipeline, recipes)
    told = TOLD_CONFIG.flow.told
    assert torch.equal(axes[:told, :told], torch.eye(told, dtype=axes.dtype))
    assert not axes[:told, told:].any() and not axes[told:, :told].any()
    assert torch.allclose(axes @ axes.T, torch.eye(len(axes), dtype=axes.dtype), atol=1e-6)
