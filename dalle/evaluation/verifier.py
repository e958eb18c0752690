"""Compares the facts of a caption with the objects detected in an image; makes false facts, as a control.

Concepts, counts, colours and the relations "left-of" and "above" are verified; all other facts are ignored.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.facts import Count, Fact, HasColour, HasConcept, Relation, facts_of_type
from dalle.evaluation.detector import Detection

MAX_CAPTION_COUNT = 5  # the largest number in a caption


def verify(facts: Collection[Fact], detections: Sequence[Detection], class_of: Mapping[str, str]) -> bool:
    """Whether the detections agree with the facts.

    `class_of` maps the slug of a concept to its class. Every concept needs a detection of its own; detections
    that no fact speaks of do no harm, except that a count is exact. Raises ValueError for facts without a
    concept, which would hold for any picture.
    """
    slugs = named_concepts(facts)
    if not slugs:
        raise ValueError(
            f"these facts name no concept, so that any picture would do: {sorted(map(str, facts))}"
        )
    colours = {fact.concept: fact.colour for fact in facts_of_type(facts, HasColour)}

    def fits(detection: Detection, slug: str) -> bool:
        return class_of[slug] in detection.classes and colours.get(slug, detection.colour) == detection.colour

    if counts := facts_of_type(facts, Count):
        return all(
            sum(fits(detection, count.concept) for detection in detections) == count.number
            for count in counts
        )
    relations = _verifiable_relations(facts)
    return any(
        all(map(fits, chosen, slugs)) and _in_relations(relations, dict(zip(slugs, chosen, strict=True)))
        for chosen in permutations(detections, len(slugs))
    )


def named_concepts(facts: Collection[Fact]) -> list[str]:
    """The slugs of the concepts that the facts name, sorted."""
    return [fact.concept for fact in facts_of_type(facts, HasConcept)]


def _verifiable_relations(facts: Collection[Fact]) -> list[Relation]:
    return [fact for fact in facts_of_type(facts, Relation) if fact.relation in ("left-of", "above")]


def _in_relations(relations: Sequence[Relation], detections: Mapping[str, Detection]) -> bool:
    """Whether the detections, by the slugs of their concepts, stand to each other in all relations."""
    for relation in relations:
        first, second = detections[relation.first], detections[relation.second]
        right, down = second.x - first.x, second.y - first.y
        holds = right > abs(down) if relation.relation == "left-of" else down > abs(right)
        if not holds:
            return False
    return True


def perturbed_facts(facts: Collection[Fact], other: str) -> frozenset[Fact]:
    """A false variant of the facts, to measure how often false captions are accepted.

    Counts are changed by one; else the sides of a relation or two colours are exchanged, or one colour is
    replaced; else one concept is replaced by the concept `other`.
    """
    perturbed: dict[Fact, Fact]
    if counts := facts_of_type(facts, Count):
        perturbed = {count: replace(count, number=_other_number(count.number)) for count in counts}
    elif relations := _verifiable_relations(facts):
        perturbed = {r: Relation(r.second, r.relation, r.first) for r in relations}
    elif coloured := facts_of_type(facts, HasColour):
        colours = _other_colours([fact.colour for fact in coloured])
        perturbed = {
            fact: replace(fact, colour=colour) for fact, colour in zip(coloured, colours, strict=True)
        }
    else:
        perturbed = {facts_of_type(facts, HasConcept)[-1]: HasConcept(other)}
    return frozenset(perturbed.get(fact, fact) for fact in facts)


def _other_number(number: int) -> int:
    return number + 1 if number < MAX_CAPTION_COUNT else number - 1


def _other_colours(colours: Sequence[str]) -> list[str]:
    """Two colours exchanged; the next in `COLOURS` of one."""
    if len(colours) == 2:
        return [colours[1], colours[0]]
    names = list(COLOURS)
    return [names[(names.index(colours[0]) + 1) % len(names)]]
