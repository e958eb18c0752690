"""All facts that are true of a scene, from its layers, its ground and its look."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Sequence

from dalle.data.scenes.facts import (
    Count,
    Fact,
    HasColour,
    HasConcept,
    HasFill,
    HasLook,
    HasMaterial,
    HasPlace,
    HasSize,
    HasStyle,
    HasWord,
    ObjectCount,
    Relation,
)
from dalle.data.scenes.layout import places_at, size_name
from dalle.data.sprite_scenes.names import SpriteNames
from dalle.data.sprite_scenes.plan import Layer
from dalle.data.sprite_scenes.properties import Box, SpriteProperties

MAX_OVERLAP = 0.01  # of the picture: how far the feet may reach beyond the top of what a thing stands on
MAX_SHARED = 0.3  # of the smaller box; two things that overlap more are in no simple relation
COLOURLESS_LOOKS = frozenset({"line drawing", "silhouette", "neon", "blueprint", "gold relief"})


class Annotator:
    """Finds the facts of layers."""

    def __init__(self, properties: SpriteProperties, names: SpriteNames):
        self._properties, self._names = properties, names

    def facts(self, layers: Sequence[Layer], look: str | None) -> set[Fact]:
        """Every fact that is true of the layers, redrawn in a look or not."""
        layers = [layer for layer in layers if not layer.top]  # a vessel's front is no second vessel
        facts: set[Fact] = {ObjectCount(len(layers))}
        styles = {self._properties.style(layer.sprite) for layer in layers}
        if look:
            facts.add(HasLook(look))
        elif len(styles) == 1 and not any(layer.material or layer.fill is not None for layer in layers):
            facts.add(HasStyle(styles.pop()))
        by_concept: dict[int, list[Layer]] = defaultdict(list)
        for layer in layers:
            by_concept[self._properties.concept_index(layer.sprite)].append(layer)
        for concept, members in by_concept.items():
            facts |= self._concept_facts(concept, members, look)
        if len(layers) == 1:
            slug = self._slug(layers[0])
            facts |= {HasPlace(slug, place) for place in places_at(layers[0].x, layers[0].y)}
        if len(by_concept) == 2 and len(layers) == 2:
            for first, second in itertools.permutations(layers, 2):
                slugs = self._slug(first), self._slug(second)
                facts |= {Relation(slugs[0], name, slugs[1]) for name in self.relations(first, second)}
        return facts

    def colour(self, layer: Layer) -> str:
        """The name of the colour that a layer was recoloured in, else of its sprite's own."""
        return layer.colour or self._properties.dominant_colour(layer.sprite)

    def relations(self, first: Layer, second: Layer) -> set[str]:
        """How the first layer stands to the second: names of `Relation.relation`."""
        right, down = second.x - first.x, second.y - first.y
        box, other = self.box(first), self.box(second)
        columns_shared = box[0] < other[2] and other[0] < box[2]
        apart = _shared(box, other) <= MAX_SHARED
        holds = {
            "left-of": right > abs(down) and apart,
            "above": down > abs(right) and apart,
            "beside": abs(right) > abs(down) and apart,
            "on": columns_shared and box[1] < other[1] <= box[3] + MAX_OVERLAP and box[3] < other[3],
        }
        return {relation for relation, is_true in holds.items() if is_true}

    def box(self, layer: Layer) -> Box:
        """Left, top, right and bottom of a layer's visible part, as fractions of the picture; not rotated."""
        left, top, right, bottom = self._properties.box(layer.sprite)
        if layer.flipped:
            left, right = -right, -left
        size = layer.size
        return layer.x + left * size, layer.y + top * size, layer.x + right * size, layer.y + bottom * size

    def _concept_facts(self, concept: int, members: Sequence[Layer], look: str | None) -> set[Fact]:
        """Facts of one concept, from all layers that show it."""
        slug = self._names.slugs[concept]
        facts: set[Fact] = {HasConcept(slug), Count(slug, len(members)), *self._names.word_facts(concept)}
        materials = {layer.material for layer in members}
        filled = [layer.fill for layer in members if layer.fill is not None]
        facts |= {HasFill(slug, self._properties.concept(fill).slug) for fill in filled}
        if len(materials) == 1 and (material := materials.pop()) is not None:
            facts.add(HasMaterial(slug, material))
        elif not filled and look not in COLOURLESS_LOOKS:
            colours = {self.colour(layer) for layer in members}
            if len(colours) == 1:
                facts.add(HasColour(slug, colours.pop()))
        sizes = {size_name(layer.size) for layer in members}
        if len(sizes) == 1 and (size := sizes.pop()) is not None:
            facts.add(HasSize(slug, size))
        return facts

    def _slug(self, layer: Layer) -> str:
        return self._properties.concept(layer.sprite).slug


def without_words(facts: set[Fact], stated: Collection[Fact], most: int) -> frozenset[Fact]:
    """At most so many facts: words that the caption does not state are left out first."""
    if len(facts) <= most:
        return frozenset(facts)
    spare = [fact for fact in facts if isinstance(fact, HasWord) and fact not in stated]
    return frozenset(facts.difference(sorted(spare, key=lambda fact: fact.word)[: len(facts) - most]))


def _shared(box: Box, other: Box) -> float:
    """The area that two boxes share, as a fraction of the smaller one."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = ((right - left) * (bottom - top) for left, top, right, bottom in (box, other))
    return across * down / max(min(areas), 1e-6)
