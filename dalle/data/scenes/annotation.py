"""All facts that are true of a scene, from which objects it has and where they are."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

from dalle.data.scenes.captions import ConceptNames
from dalle.data.scenes.facts import (
    Count,
    Fact,
    HasBackground,
    HasColour,
    HasConcept,
    HasPlace,
    HasSize,
    HasStyle,
    ObjectCount,
    Relation,
)
from dalle.data.scenes.icons import IconProperties
from dalle.data.scenes.layout import places_at, size_name
from dalle.data.scenes.scene import SceneObject

MAX_OVERLAP = 0.01  # of the picture: how far the feet may reach beyond the top of what an object stands on


class SceneAnnotator:
    """Finds the facts of objects on a background."""

    def __init__(self, icons: IconProperties, names: ConceptNames):
        self._icons, self._names = icons, names

    def facts(self, objects: Sequence[SceneObject], background: str) -> frozenset[Fact]:
        """Every fact that is true of the objects on a background of a named colour."""
        facts: set[Fact] = {ObjectCount(len(objects)), HasBackground(background)}
        styles = {self._icons.style(item.icon) for item in objects}
        if len(styles) == 1:
            facts.add(HasStyle(styles.pop()))
        by_concept: dict[int, list[SceneObject]] = defaultdict(list)
        for item in objects:
            by_concept[self._icons.concept_index(item.icon)].append(item)
        for concept, members in by_concept.items():
            facts |= self._concept_facts(concept, members)
        if len(objects) == 1:
            slug = self._slug(objects[0])
            facts |= {HasPlace(slug, place) for place in places_at(objects[0].x, objects[0].y)}
        if len(by_concept) == 2:
            for first, second in itertools.permutations(objects, 2):
                slugs = self._slug(first), self._slug(second)
                facts |= {Relation(slugs[0], name, slugs[1]) for name in self.relations(first, second)}
        return frozenset(facts)

    def colour(self, item: SceneObject) -> str:
        """The name of the colour that an object was recoloured in, else of its icon's own."""
        return item.colour or self._icons.dominant_colour(item.icon)

    def relations(self, first: SceneObject, second: SceneObject) -> set[str]:
        """How the first object stands to the second: names of `Relation.relation`."""
        right, down = second.x - first.x, second.y - first.y
        left, top, end, bottom = self._box(first)
        second_left, second_top, second_end, second_bottom = self._box(second)
        columns_shared = left < second_end and second_left < end
        holds = {
            "left-of": right > abs(down),
            "above": down > abs(right),
            "beside": abs(right) > abs(down),
            "on": columns_shared and top < second_top <= bottom + MAX_OVERLAP and bottom < second_bottom,
        }
        return {relation for relation, is_true in holds.items() if is_true}

    def _concept_facts(self, concept: int, members: Sequence[SceneObject]) -> set[Fact]:
        """Facts of one concept, from all objects that show it."""
        slug = self._slug(members[0])
        facts: set[Fact] = {HasConcept(slug), Count(slug, len(members)), *self._names.word_facts(concept)}
        colours = {self.colour(item) for item in members}
        if len(colours) == 1:
            facts.add(HasColour(slug, colours.pop()))
        sizes = {size_name(item.size) for item in members}
        if len(sizes) == 1 and (size := sizes.pop()) is not None:
            facts.add(HasSize(slug, size))
        return facts

    def _slug(self, item: SceneObject) -> str:
        return self._icons.concept(item.icon).slug

    def _box(self, item: SceneObject) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the visible part of an object, as fractions of the picture."""
        left, top, right, bottom = self._icons.visible_box(item.icon)
        if item.flipped:
            left, right = -right, -left
        return (
            item.x + left * item.size,
            item.y + top * item.size,
            item.x + right * item.size,
            item.y + bottom * item.size,
        )
