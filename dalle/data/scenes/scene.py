"""A scene as data: its caption, objects and facts; the weights of random scenes; held-out combinations.

One in ten pairs of a concept and a colour, and one in ten pairs of concepts, are held out of training, so
that an evaluation can ask for combinations that the model never saw.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from dalle.data.scenes.colours import RGB
from dalle.data.scenes.facts import Fact


@dataclass(frozen=True)
class SceneWeights:
    """Relative weights of what `Composer` draws, and shares between 0 and 1."""

    kinds: Mapping[str, float] = field(  # of scenes; a kind not named here: 0
        default_factory=lambda: {
            "single": 0.24,
            "placed": 0.04,
            "colour": 0.18,
            "count": 0.18,
            "pair": 0.08,
            "relation": 0.12,
            "attribution": 0.16,
        }
    )
    groups: Mapping[str, float] = (
        field(  # of a concept; near-identical ones share one weight; other groups: 1
            default_factory=lambda: {
                "people & body": 0.6,
                "symbols": 0.4,
                "flags": 0.25,
            }
        )
    )
    languages: Mapping[str, float] = field(  # of captions of single scenes; others: captions.LANGUAGE_WEIGHT
        default_factory=lambda: {
            **{"en": 60, "en-gb": 2, "zh": 6, "es": 5, "fr": 4, "de": 4, "ja": 4},
            **{"pt": 3, "ru": 3, "ko": 3, "it": 3, "hi": 3},
        }
    )
    styles: Mapping[str, float] = field(  # of the icons of one concept; others: 1; 0 leaves a style out
        default_factory=lambda: {"noto-v1": 0.7, "emojione": 0.7, "fxemoji": 0.6}
    )
    plain_share: float = 0.6  # single scenes that show the icon as `SceneRenderer.render_icon` does
    white_share: float = 0.6  # white backgrounds in all other scenes
    named_style_share: float = 0.6  # single scenes whose caption names the style; half of it in other scenes


DEFAULT_WEIGHTS = SceneWeights()


@dataclass(frozen=True)
class SceneObject:
    """An icon in a scene: the centre and side of its square, as fractions of the picture, y downwards."""

    icon: int
    x: float
    y: float
    size: float
    colour: str | None = None  # a name in COLOURS that the icon is recoloured in; None: its own colours
    flipped: bool = False  # left and right exchanged


@dataclass(frozen=True)
class Scene:
    """A caption and all that its picture is rendered from; later objects are drawn over earlier ones."""

    caption: str
    objects: tuple[SceneObject, ...]
    background: RGB
    kind: str
    caption_facts: frozenset[Fact]  # those that the caption states: a subset of `facts`
    facts: frozenset[Fact]  # all that are true of the picture


def held_out_colour(slug: str, colour: str) -> bool:
    """Whether a concept in a colour is held out of training: a fixed one in ten."""
    return _one_in_ten(f"{slug} in {colour}")


def held_out_pair(slug: str, other: str) -> bool:
    """Whether two concepts together, in either order, are held out of training: a fixed one in ten."""
    return _one_in_ten(" and ".join(sorted((slug, other))))


def _one_in_ten(text: str) -> bool:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big") % 10 == 0
