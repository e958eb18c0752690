"""What is behind the layers: white, a colour, a gradient, or a painted place; and the words for it."""

import random
from typing import NamedTuple

import numpy as np

from dalle.data.scenes.colours import COLOURS, RGB, nearest_colour, oklab_to_rgb, rgb_to_oklab
from dalle.data.scenes.facts import Fact, HasBackground, HasGradient, OnPlace
from dalle.data.sprite_scenes import wording
from dalle.data.sprite_scenes.place_names import NIGHT_NOUNS, NIGHT_PHRASES, PLACE_NOUNS, PLACE_PHRASES
from dalle.data.sprite_scenes.places import HAS_NIGHT
from dalle.data.sprite_scenes.plan import COLOUR_NAMES, PLACES, Ground
from dalle.data.sprite_scenes.sampling import pick

COLOUR_NOISE = 0.012  # standard deviation of a ground's colour around the named one, in Oklab
SHADE = 0.09  # of lightness: how far a gradient of one colour reaches to either side
SHADES = 48  # colours made ahead for each name
SHADED_SHARE, GRADIENT_SHARE = 0.2, 0.15  # of coloured grounds: one colour's shades, two colours
NAMED_SHARE = 0.9  # captions that name a coloured ground or a place
NAMED_WHITE_SHARE = 0.05  # captions that name a white ground
NIGHT_SHARE = 0.3  # of places that can be seen by night
NIGHT_NOUN_SHARE = 0.4  # of captions of such a place alone: a phrase of its own
BRIGHT_PLACES = tuple(place for place in PLACES if place not in ("space", "stage"))
MAX_SEED = 2**31 - 1

WHITE = Ground()


class DrawnGround(NamedTuple):
    """A ground, what is true of it, and how a caption goes on that names it (a text without: as it was)."""

    ground: Ground
    fact: Fact
    text: str
    stated: bool


class GroundSampler:
    """Draws grounds; the shades of each colour are made once."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self._shades = {name: _shades(generator, name, 0) for name in COLOURS}
        self._light = {name: _shades(generator, name, SHADE) for name in COLOURS}
        self._dark = {name: _shades(generator, name, -SHADE) for name in COLOURS}

    def white(self, rng: random.Random, text: str, english: bool) -> DrawnGround:
        stated = english and rng.random() < NAMED_WHITE_SHARE
        text = wording.with_ground(rng, text, "white") if stated else text
        return DrawnGround(WHITE, HasBackground("white"), text, stated)

    def coloured(self, rng: random.Random, text: str, english: bool, hidden: set[str]) -> DrawnGround:
        """A colour or a gradient, of no colour in `hidden`, on which a layer would not show."""
        names = [colour for colour in COLOUR_NAMES if colour not in hidden and colour != "white"]
        name, kind = pick(rng, names), rng.random()
        stated = english and rng.random() < NAMED_SHARE
        if kind < GRADIENT_SHARE and len(names) > 1:
            other = pick(rng, [colour for colour in names if colour != name])
            ground = Ground(colour=pick(rng, self._shades[name]), second=pick(rng, self._shades[other]))
            text = wording.with_gradient(rng, text, name, other) if stated else text
            return DrawnGround(ground, HasGradient(name, other), text, stated)
        if kind < GRADIENT_SHARE + SHADED_SHARE:
            ends = [pick(rng, self._light[name]), pick(rng, self._dark[name])]
            if rng.random() < 0.3:
                ends.reverse()
            ground = Ground(colour=ends[0], second=ends[1])
        else:
            ground = Ground(colour=pick(rng, self._shades[name]))
        text = wording.with_ground(rng, text, name) if stated else text
        return DrawnGround(ground, HasBackground(name), text, stated)

    def place(self, rng: random.Random, text: str, english: bool, by_day: bool) -> DrawnGround:
        """A painted place behind things; a bright one, `by_day`, where they are black."""
        ground = self._draw_place(rng, by_day)
        place = ground.place or ""
        stated = english and rng.random() < NAMED_SHARE
        if stated:
            text = f"{text} {pick(rng, PLACE_PHRASES[place])}"
            text = f"{text} {pick(rng, NIGHT_PHRASES)}" if ground.night else text
        return DrawnGround(ground, OnPlace(place, ground.night), text, stated)

    def place_alone(self, rng: random.Random) -> DrawnGround:
        """A painted place and its name."""
        ground = self._draw_place(rng)
        place = ground.place or ""
        if ground.night and place in NIGHT_NOUNS and rng.random() < NIGHT_NOUN_SHARE:
            text = pick(rng, NIGHT_NOUNS[place])
        else:
            text = pick(rng, PLACE_NOUNS[place])
            text = f"{text} {pick(rng, NIGHT_PHRASES)}" if ground.night else text
        text = wording.PLACE_ALONE_TEMPLATES.draw(rng).format(text)
        return DrawnGround(ground, OnPlace(place, ground.night), text, True)

    def _draw_place(self, rng: random.Random, by_day: bool = False) -> Ground:
        place = pick(rng, BRIGHT_PLACES if by_day else PLACES)
        night = not by_day and place in HAS_NIGHT and rng.random() < NIGHT_SHARE
        return Ground(place, night, seed=rng.randrange(MAX_SEED))


def _shades(generator: np.random.Generator, name: str, lighter: float) -> list[RGB]:
    """Colours that people give this name, around the one of COLOURS or its lighter or darker shade."""
    middle = rgb_to_oklab(np.array(COLOURS[name], np.uint8))
    shades = []
    for noise in generator.normal(0, COLOUR_NOISE, (SHADES, 3)):
        red, green, blue = oklab_to_rgb(middle + noise + np.array([lighter, 0, 0])).tolist()
        if nearest_colour((red, green, blue)) == name:
            shades.append((red, green, blue))
    return shades or [COLOURS[name]]
