"""A scene as data: what is drawn where, on which ground, its caption and the facts that hold.

Positions are fractions of the picture, x to the right and y downwards; sizes are the side of a sprite's
square as a fraction of the picture's. A plan says nothing of light: the renderer draws that, so that one
plan gives many pictures.
"""

from dataclasses import dataclass

from dalle.data.scenes.colours import COLOURS, RGB
from dalle.data.scenes.facts import Fact

MAX_LAYERS = 8
PLAIN_SIZE = 0.88  # of a subject alone, so that the camera can move without cutting it

PLACES = (  # painted grounds, by day and by night
    *("sky", "clouds", "sunset", "sea", "beach", "underwater", "meadow", "forest", "mountains", "desert"),
    *("snow", "rain", "city", "street", "room", "stage", "space"),
)
MATERIALS = ("gold", "wood", "ice", "glass", "stone", "striped", "dotted", "starry", "rainbow")
LOOKS = ("pixel art", "line drawing", "silhouette", "sticker", "neon", "blueprint", "gold relief")
LIGHT = ("background", "outline")  # numbers of the code that the flow is told, in order
BACKGROUND, OUTLINE = (LIGHT.index(name) for name in ("background", "outline"))
COLOUR_NAMES = tuple(COLOURS)


@dataclass(frozen=True)
class Layer:
    """One sprite in a scene; later layers are drawn over earlier ones."""

    sprite: int  # index into SpriteSet.sprites
    x: float  # centre of the sprite's square
    y: float
    size: float
    angle: float = 0.0  # degrees, clockwise
    flipped: bool = False  # left and right exchanged, before the rotation
    colour: str | None = None  # a name in COLOURS: recoloured; a monochrome sprite: painted, None is black
    material: str | None = None  # one of MATERIALS, in place of the sprite's own colours
    fill: int | None = None  # another sprite, whose picture fills this one's outline
    top: float = 0.0  # share of the sprite's height, from its top, that is not drawn: a vessel's front


@dataclass(frozen=True)
class Ground:
    """What is behind the layers: a painted place, or a colour, which may run into a second one."""

    place: str | None = None  # one of PLACES; then the colours below have no effect
    night: bool = False
    colour: RGB = (255, 255, 255)
    second: RGB | None = None  # colour at the bottom of a gradient
    seed: int = 0  # of what varies within a place


@dataclass(frozen=True)
class ScenePlan:
    """A caption and all that its pictures are rendered from, but for light.

    `tinted`: whether the background number tints the ground; not where the caption states it. `outline`:
    the outline number, measured: the normal score of how outlined the drawing is among those that the caption
    allows; None where that says nothing.
    """

    caption: str
    kind: str
    layers: tuple[Layer, ...]
    ground: Ground
    stated: frozenset[Fact]  # facts that the caption states: a subset of `facts`
    facts: frozenset[Fact]  # all that are true of the picture
    look: str | None = None  # one of LOOKS, applied to all layers together
    tinted: bool = True
    outline: float | None = None


@dataclass(frozen=True)
class Foreground:
    """The layers of a scene, and the part of its caption that speaks of them."""

    text: str
    layers: tuple[Layer, ...]
    stated: frozenset[Fact]  # by the text
    facts: frozenset[Fact]  # all that are true of the layers
    english: bool = True  # whether English may be added to the text
    look: str | None = None
