"""Painted grounds: the places of `plan.PLACES`, by day and by night, in batches on any device.

    place (B,), night (B,), seed (B,)  --paint-->  pictures (B, 3, size, size)

What tells a place is at its top, sides and bottom, since a subject covers the middle. The seed decides
colours and layout, and nothing else is random.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dalle.data.sprite_scenes import places_land, places_sky, places_town, places_water
from dalle.data.sprite_scenes.place_brush import Brush, uniform_numbers
from dalle.data.sprite_scenes.place_names import NIGHT_NOUNS, NIGHT_PHRASES, PLACE_NOUNS, PLACE_PHRASES
from dalle.data.sprite_scenes.plan import PLACES

__all__ = [
    "GROUND_LINE",
    "HAS_NIGHT",
    "NIGHT_NOUNS",
    "NIGHT_PHRASES",
    "PLACE_NOUNS",
    "PLACE_PHRASES",
    "paint",
]

PAINTERS: dict[str, Callable[[Brush], None]] = {
    "sky": places_sky.paint_sky,
    "clouds": places_sky.paint_clouds,
    "sunset": places_sky.paint_sunset,
    "sea": places_water.paint_sea,
    "beach": places_water.paint_beach,
    "underwater": places_water.paint_underwater,
    "meadow": places_land.paint_meadow,
    "forest": places_land.paint_forest,
    "mountains": places_land.paint_mountains,
    "desert": places_land.paint_desert,
    "snow": places_land.paint_snow,
    "rain": places_sky.paint_rain,
    "city": places_town.paint_city,
    "street": places_town.paint_street,
    "room": places_town.paint_room,
    "stage": places_town.paint_stage,
    "space": places_sky.paint_space,
}
HAS_NIGHT = frozenset(PLACES) - {"sunset", "stage", "space"}  # those that differ by night

# y of the feet of what stands there, as a fraction of the picture; None: things float or fly
GROUND_LINE: dict[str, float | None] = {
    "sky": None,
    "clouds": None,
    "sunset": 0.88,
    "sea": 0.72,
    "beach": 0.86,
    "underwater": None,
    "meadow": 0.87,
    "forest": 0.88,
    "mountains": 0.88,
    "desert": 0.87,
    "snow": 0.88,
    "rain": 0.88,
    "city": 0.91,
    "street": 0.88,
    "room": 0.9,
    "stage": 0.88,
    "space": None,
}


def paint(place: Tensor, night: Tensor, seed: Tensor, size: int) -> Tensor:
    """Pictures (B, 3, size, size) float32 in [0, 1].

    place (B,) int64, index into PLACES; night (B,) bool, without effect where a place is not in HAS_NIGHT;
    seed (B,) int64. ValueError for an index that is no place.
    """
    order = torch.argsort(place, stable=True)
    counts = torch.bincount((place + 1).clamp(0, len(PLACES) + 1), minlength=len(PLACES) + 2).tolist()
    if counts[0] or counts[-1]:
        raise ValueError(f"a place is an index below {len(PLACES)}; got {place.tolist()}")
    numbers = uniform_numbers(seed)
    pictures = torch.empty(len(place), 3, size, size, device=place.device)
    for name, rows in zip(PLACES, order.split(counts[1:-1]), strict=True):
        if len(rows):
            brush = Brush(numbers[rows], night[rows], size)
            PAINTERS[name](brush)
            pictures[rows] = brush.picture
    return pictures
