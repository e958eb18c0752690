"""Scene, SceneObject, SceneWeights; colours and pairs held out from training."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class SceneWeights:
    """How often what is drawn: relative weights, and beside each mapping the weight of what it leaves out."""

    kinds: Mapping[str, float] = field(  # else 0
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
    groups: Mapping[str, float] = field(  # of one concept; near-identical ones count as one; else 1
        default_factory=lambda: {
            "people & body": 0.6,
            "symbols": 0.4,
            "flags": 0.25,
        }
    )
    languages: Mapping[str, float] = field(  # of captions of single scenes; else 0.1
        default_factory=lambda: {
            **{"en": 60, "en-gb": 2, "zh": 6, "es": 5, "fr": 4, "de": 4, "ja": 4},
            **{"pt": 3, "ru": 3, "ko": 3, "it": 3, "hi": 3},
        }
    )
    styles: Mapping[str, float] = field(  # among the icons of one concept; else 1
        default_factory=lambda: {"noto-v1": 0.7, "emojione": 0.7, "fxemoji": 0.6}
    )
    plain: float = 0.6  # share of single scenes that show the icon as `Composer.plain` does
    white: float = 0.6  # share of white backgrounds in all others
    style_said: float = 0.6  # share of single scenes whose caption names the style; half of it in the others


DEFAULT_WEIGHTS = SceneWeights()


@dataclass(frozen=True)
class SceneObject:
    """An icon in a scene: the centre and side of its square, as fractions of the picture, y downwards."""

    icon: int
    x: float
    y: float
    size: float
    colour: str | None = None  # a name in COLOURS; None: as it was drawn
    flip: bool = False


@dataclass(frozen=True)
class Scene:
    """A caption and all that draws its picture; later things are drawn over earlier ones."""

    caption: str
    things: tuple[SceneObject, ...]
    background: tuple[int, int, int]
    kind: str
    says: frozenset[str]
    has: frozenset[str]


def held_out_colour(slug: str, colour: str) -> bool:
    """Whether a concept in a colour is kept from training, for evaluation: always the same one in ten."""
    return _one_in_ten(f"{slug} in {colour}")


def held_out_pair(slug: str, other: str) -> bool:
    """Whether two concepts together, in either order, are kept from training: one in ten."""
    return _one_in_ten(" and ".join(sorted((slug, other))))


def _one_in_ten(text: str) -> bool:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big") % 10 == 0
