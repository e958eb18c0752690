"""Painted places: the same by seed, apart by place and night, and all with words."""

import pytest
import torch

from dalle.data.sprite_scenes.place_brush import Brush, uniform_numbers
from dalle.data.sprite_scenes.places import (
    GROUND_LINE,
    HAS_NIGHT,
    NIGHT_NOUNS,
    NIGHT_PHRASES,
    PAINTERS,
    PLACE_NOUNS,
    PLACE_PHRASES,
    paint,
)
from dalle.data.sprite_scenes.plan import PLACES

SIZE = 48


def painted(place: list[int], night: bool = False, seed: int = 7, size: int = SIZE) -> torch.Tensor:
    rows = len(place)
    return paint(
        torch.tensor(place, dtype=torch.int64),
        torch.full((rows,), night),
        torch.arange(seed, seed + rows),
        size,
    )


@pytest.mark.parametrize("size", [16, 48, 65])
@pytest.mark.parametrize("night", [False, True])
def test_every_place_is_a_picture_within_range(night, size):
    """Also where no band of the picture has a whole number of rows."""
    pictures = painted(list(range(len(PLACES))), night, size=size)
    assert pictures.shape == (len(PLACES), 3, size, size) and pictures.dtype == torch.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert pictures.flatten(1).std(1).min() > 0.02


def test_a_picture_is_a_matter_of_its_seed_alone():
    """Not of its batch, of the global random state, or of the order of rows."""
    order = torch.randperm(3 * len(PLACES), generator=torch.Generator().manual_seed(0))
    place, night = order % len(PLACES), order % 2 == 0
    seed = order * 1_000_003 - 20_000_000  # negative ones as well
    state = torch.get_rng_state()
    together = paint(place, night, seed, SIZE)
    assert torch.equal(torch.get_rng_state(), state)
    one_of_each = (order < len(PLACES)).nonzero()
    alone = torch.cat([paint(place[i], night[i], seed[i], SIZE) for i in one_of_each])
    torch.testing.assert_close(together[one_of_each[:, 0]], alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", PLACES)
def test_seeds_and_nights_differ(name):
    at = [PLACES.index(name)] * 3
    day, night = painted(at), painted(at, night=True)
    assert (day[0] - day[1]).abs().mean() > 0.01 and (day[1] - day[2]).abs().mean() > 0.01
    if name in HAS_NIGHT:
        assert (night.mean((1, 2, 3)) < day.mean((1, 2, 3)) - 0.08).all()
    else:
        assert torch.equal(day, night)


@pytest.mark.parametrize("name", PLACES)
def test_sizes_show_the_same_picture(name):
    """Shapes are fractions of the side: a picture of twice the size, shrunk, is the picture."""
    at = [PLACES.index(name)]
    large = torch.nn.functional.avg_pool2d(painted(at, size=128), 2)
    assert (painted(at, size=64) - large).abs().mean() < 0.02


def test_places_are_told_apart_by_what_a_subject_leaves_free():
    """The mean picture of a place, without its middle, is nearest to pictures of that place."""
    count, border = 6, torch.ones(16, 16, dtype=torch.bool)
    border[3:13, 3:13] = False
    means, others = [], []
    for at in range(len(PLACES)):
        pictures = torch.nn.functional.avg_pool2d(painted([at] * count * 2, size=64), 4)[..., border].flatten(
            1
        )
        means.append(pictures[:count].mean(0))
        others.append(pictures[count:])
    nearest = torch.cdist(torch.cat(others), torch.stack(means)).argmin(1)
    right = nearest == torch.arange(len(PLACES)).repeat_interleave(count)
    assert right.float().mean() > 0.85


def test_a_wrong_place_is_refused():
    for wrong in (-1, len(PLACES), 99):
        with pytest.raises(ValueError, match=str(wrong)):
            painted([0, wrong])
    assert painted([]).shape == (0, 3, SIZE, SIZE)


def test_uniform_numbers():
    """Uniform, and unlike between neighbouring seeds and between places in a row."""
    numbers = uniform_numbers(torch.arange(200), 500)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert torch.histc(numbers, 10, 0, 1).div(numbers.numel()).sub(0.1).abs().max() < 0.005
    for other in (numbers.roll(1, 0), numbers.roll(1, 1)):
        assert torch.corrcoef(torch.stack([numbers.flatten(), other.flatten()]))[0, 1].abs() < 0.02


@pytest.mark.parametrize("name", PLACES)
def test_painters_stay_on_their_device(name):
    """A tensor made without a device goes to another one here, as beside a GPU's, and does not mix."""
    brush = Brush(uniform_numbers(torch.arange(2)), torch.tensor([False, True]), 16)
    with torch.device("meta"):
        PAINTERS[name](brush)
    assert brush.picture.amax() > 0.05


@pytest.mark.skipif(not torch.cuda.is_available(), reason="compares a GPU with the CPU")
def test_devices_agree():
    place = torch.arange(len(PLACES) * 4) % len(PLACES)
    night, seed = torch.arange(len(place)) % 8 < 4, torch.arange(len(place))
    there = paint(place.cuda(), night.cuda(), seed.cuda(), SIZE).cpu()
    assert (there - paint(place, night, seed, SIZE)).abs().mean() < 1e-3


def test_every_place_has_a_painter_words_and_a_ground():
    for table in (PAINTERS, PLACE_PHRASES, PLACE_NOUNS, GROUND_LINE):
        assert tuple(table) == PLACES
    words = [*PLACE_PHRASES.values(), *PLACE_NOUNS.values(), *NIGHT_NOUNS.values(), NIGHT_PHRASES]
    assert all(words) and all(
        text == text.strip() and not text.endswith(".") for some in words for text in some
    )
    assert set(PLACES) >= HAS_NIGHT and set(NIGHT_NOUNS) <= HAS_NIGHT
    assert all(line is None or 0.5 < line < 0.95 for line in GROUND_LINE.values())


def test_no_phrase_means_two_places():
    for table in (PLACE_PHRASES, PLACE_NOUNS):
        said = [text for some in table.values() for text in some]
        assert len(said) == len(set(said))
