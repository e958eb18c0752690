"""Facts about a scene, as typed values: what its caption states, and all that is true of its picture.

A caption is true when its facts are a subset of the scene's. A concept is named by its slug ("red-apple"), a
colour by its name in `COLOURS`.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TypeVar


@dataclass(frozen=True)
class ObjectCount:
    """The picture shows exactly `number` objects; a caption names all of them."""

    number: int


@dataclass(frozen=True)
class HasConcept:
    """At least one object shows the concept."""

    concept: str


@dataclass(frozen=True)
class HasWord:
    """At least one object goes by the word: a label or keyword in any language, case-folded."""

    word: str


@dataclass(frozen=True)
class Count:
    """Exactly `number` objects show the concept."""

    concept: str
    number: int


@dataclass(frozen=True)
class HasColour:
    """Every object of the concept has the colour."""

    concept: str
    colour: str


@dataclass(frozen=True)
class HasSize:
    """Every object of the concept is "small", or every one is "large"."""

    concept: str
    size: str


@dataclass(frozen=True)
class HasPlace:
    """The only object, of this concept, is at one of `layout.PLACE_STEPS`."""

    concept: str
    place: str


@dataclass(frozen=True)
class Relation:
    """`first` is "left-of", "above", "on" or "beside" `second`; right and below exchange the two."""

    first: str
    relation: str
    second: str


@dataclass(frozen=True)
class HasStyle:
    """Every object is drawn in the style, a key of `STYLES`."""

    style: str


@dataclass(frozen=True)
class HasBackground:
    """The background has the colour."""

    colour: str


@dataclass(frozen=True)
class HasGradient:
    """The background runs from one colour at the top to another at the bottom."""

    top: str
    bottom: str


@dataclass(frozen=True)
class OnPlace:
    """The objects are at a painted place: one of `sprite_scenes.plan.PLACES`."""

    place: str
    night: bool


@dataclass(frozen=True)
class HasMaterial:
    """Every object of the concept consists of the material, or has the pattern."""

    concept: str
    material: str


@dataclass(frozen=True)
class HasFill:
    """An object with the outline of `shape` shows the picture of `fill` inside it."""

    shape: str
    fill: str


@dataclass(frozen=True)
class HasLook:
    """The whole picture is redrawn in the look: one of `sprite_scenes.plan.LOOKS`."""

    look: str


Fact = (
    ObjectCount
    | HasConcept
    | HasWord
    | Count
    | HasColour
    | HasSize
    | HasPlace
    | Relation
    | HasStyle
    | HasBackground
    | HasGradient
    | OnPlace
    | HasMaterial
    | HasFill
    | HasLook
)
FactType = TypeVar("FactType", bound=Fact)


def facts_of_type(facts: Iterable[Fact], fact_type: type[FactType]) -> list[FactType]:
    """The facts of one type, sorted by their fields."""
    return sorted((fact for fact in facts if isinstance(fact, fact_type)), key=astuple)
