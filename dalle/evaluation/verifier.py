"""Checks facts of a caption against detections; perturbed facts."""

from collections.abc import Collection, Mapping, Sequence
from itertools import permutations

from dalle.data.scenes.colours import COLOURS
from dalle.evaluation.detector import Detection


def verify(says: Collection[str], parts: Sequence[Detection], base: Mapping[str, str]) -> bool:
    """Whether the parts bear out a caption's facts of concepts, counts, colours and sides, and only these.

    `base` leads from a concept's slug to its answer. Two concepts are never one part; parts that no fact
    speaks of do no harm, except that a count is exact. Raises ValueError where the facts name no concept.
    """
    told = _sorted_facts(says)
    colours, slugs = dict(told["colour"]), concepts(says)
    if not slugs:
        raise ValueError(f"these facts name no concept, so that any picture would do: {sorted(says)}")

    def fits(part: Detection, slug: str) -> bool:
        return base[slug] in part.answers and colours.get(slug, part.colour) == part.colour

    if told["count"]:
        return all(sum(fits(part, slug) for part in parts) == int(n) for slug, n in told["count"])
    return any(
        all(map(fits, chosen, slugs)) and _stand(told, dict(zip(slugs, chosen, strict=True)))
        for chosen in permutations(parts, len(slugs))
    )


def concepts(says: Collection[str]) -> list[str]:
    """The slugs that facts name."""
    return [slug for (slug,) in _sorted_facts(says)["concept"]]


def _stand(told: Mapping[str, Sequence[Sequence[str]]], at: Mapping[str, Detection]) -> bool:
    """Whether the parts stand to each other as told."""
    for one, other in told["left-of"]:
        right, down = at[other].x - at[one].x, at[other].y - at[one].y
        if right <= abs(down):
            return False
    for one, other in told["above"]:
        right, down = at[other].x - at[one].x, at[other].y - at[one].y
        if down <= abs(right):
            return False
    return True


JUDGED = ("concept", "count", "colour", "left-of", "above")


def _sorted_facts(says: Collection[str]) -> dict[str, list[list[str]]]:
    """The facts that can be judged, by their kind: {"colour": [["cat", "green"]], ...}."""
    split = [fact.split(":") for fact in sorted(says)]
    return {kind: [values for first, *values in split if first == kind] for kind in JUDGED}


def perturbed_facts(says: Collection[str], other: str) -> frozenset[str]:
    """Facts of which those hardest to see were made false: a judge must not let them pass.

    A count is one off, sides or two colours are exchanged, one colour is the next; else a concept is `other`.
    """
    told, names = _sorted_facts(says), list(COLOURS)
    sides = [(kind, *pair) for kind in ("left-of", "above") for pair in told[kind]]
    if told["count"]:
        wrong = {f"count:{slug}:{n}": f"count:{slug}:{_one_off(int(n))}" for slug, n in told["count"]}
    elif sides:
        wrong = {f"{kind}:{one}:{two}": f"{kind}:{two}:{one}" for kind, one, two in sides}
    elif told["colour"]:
        slugs, colours = zip(*told["colour"], strict=True)
        others = colours[::-1] if len(colours) == 2 else [names[(names.index(colours[0]) + 1) % len(names)]]
        wrong = {
            f"colour:{slug}:{colour}": f"colour:{slug}:{paint}"
            for slug, colour, paint in zip(slugs, colours, others, strict=True)
        }
    else:
        wrong = {f"concept:{told['concept'][-1][0]}": f"concept:{other}"}
    return frozenset(wrong.get(fact, fact) for fact in says)


def _one_off(count: int) -> int:
    """One more, or where captions count no further one less."""
    return count + 1 if count < 5 else count - 1
