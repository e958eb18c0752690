"""Tests of tiled upscaling: tiles cannot be seen, steps and memory are bounded."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from dalle import images
from dalle.editing import tiled_upscaling
from dalle.editing.tiled_upscaling import TiledUpscaler, UpscaleState
from dalle.networks import upscaler
from dalle.networks.upscaler import Upscaler
from dalle.recipe import Recipe
from tests.tiny import random_upscaler


def upscale(network: Upscaler, image: Image.Image, factor: int) -> Image.Image:
    state, tiled = UpscaleState(Recipe(), np.asarray(image), factor), TiledUpscaler(network)
    while state.steps_taken < state.steps:
        tiled.step([state])
    return tiled.decode([state])[0]


@pytest.mark.parametrize("size", [(1, 1), (128, 128), (129, 40), (300, 210)])
@pytest.mark.parametrize("factor", [2, 4])
def test_tiles_equal_the_whole_image(size: tuple[int, int], factor: int) -> None:
    """Guards against seams between tiles: a margin that is narrower than the receptive field."""
    network, picture = random_upscaler(), Image.effect_noise(size, 90).convert("RGB")
    whole = images.to_images(network(images.from_images([picture]), factor))[0]
    large = upscale(network, picture, factor)
    assert large.size == (size[0] * factor, size[1] * factor)
    assert np.abs(np.asarray(large, int) - np.asarray(whole, int)).max() <= 1


def test_the_margin_covers_the_receptive_field() -> None:
    """Guards against more blocks than the margin allows."""
    assert 2 + 2 * upscaler.UPSCALER_BLOCKS + 2 <= tiled_upscaling.TILE_MARGIN


def test_a_step_is_one_tile_of_one_image() -> None:
    """Guards against a slider that waits for tiles of several large images."""
    tiled, picture = TiledUpscaler(random_upscaler()), np.zeros((200, 200, 3), np.uint8)
    states = [UpscaleState(Recipe(), picture, 2) for _ in range(3)]
    tiled.step(states)
    assert sum(state.steps_taken for state in states) == 1


def test_a_preview_shows_the_original_where_it_is_not_upscaled() -> None:
    """Guards against uninitialised memory, with other users' pixels, in the part that is not upscaled yet."""
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    state = UpscaleState(Recipe(), pixels, 2)
    (preview,) = TiledUpscaler(random_upscaler()).decode([state])
    assert (np.asarray(preview)[::2, ::2] == pixels).all()


def test_memory_is_allocated_at_the_first_step() -> None:
    """Guards against requests that fill the memory while they wait, or although the queue is full."""
    tracemalloc.start()
    try:
        state = UpscaleState(Recipe(), np.zeros((500, 500, 3), np.uint8), 4)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    TiledUpscaler(random_upscaler()).step([state])
    assert state.output.nbytes == 12_000_000


def test_the_output_size_is_bounded() -> None:
    """Guards against a short link that fills the memory."""
    with pytest.raises(ValueError, match="choose a smaller"):
        UpscaleState(Recipe(), np.zeros((2000, 2000, 3), np.uint8), 4)
