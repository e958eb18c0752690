"""Many plans as arrays of equal shape, for queues between processes and for devices.

P plans of at most L = MAX_LAYERS layers, T tokens a caption.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2s

import numpy as np
import torch
from torch import Tensor

from dalle.data.scenes.facts import Fact
from dalle.data.sprite_scenes.plan import COLOUR_NAMES, LOOKS, MATERIALS, MAX_LAYERS, PLACES, ScenePlan

CAPTION_TOKENS = 32  # tokens of a training caption; longer ones are truncated
FACT_BUCKETS = 16_384  # facts are numbers below this, by hash: two of a batch are seldom the same by chance
MAX_STATED, MAX_FACTS = 12, 64  # facts kept a plan


@dataclass(frozen=True)
class PackedPlans:
    """Arrays of P plans. A name is its index in the tuple of names (plan.py), -1 is none."""

    tokens: Tensor  # (P, T) int16, 0 after the caption's end
    sprite: Tensor  # (P, L) int32, -1: no such layer
    placement: Tensor  # (P, L, 5) float32: x, y, size, angle in degrees, top
    flipped: Tensor  # (P, L) bool
    colour: Tensor  # (P, L) int8, of COLOUR_NAMES
    material: Tensor  # (P, L) int8, of MATERIALS
    fill: Tensor  # (P, L) int32, a sprite
    place: Tensor  # (P,) int8, of PLACES
    night: Tensor  # (P,) bool
    ground: Tensor  # (P, 2, 3) uint8: colours at the top and at the bottom
    seed: Tensor  # (P,) int32
    look: Tensor  # (P,) int8, of LOOKS
    tinted: Tensor  # (P,) bool
    outline: Tensor  # (P,) float32, NaN is None
    stated: Tensor  # (P, MAX_STATED) int16, facts that the caption states, -1 after them
    facts: Tensor  # (P, MAX_FACTS) int16, all that are true

    def __len__(self) -> int:
        return len(self.tokens)

    def map(self, function: Callable[[Tensor], Tensor]) -> "PackedPlans":
        """`function` of every array."""
        return PackedPlans(**{field.name: function(getattr(self, field.name)) for field in fields(self)})

    def __getitem__(self, rows: Tensor | slice) -> "PackedPlans":
        return self.map(lambda array: array[rows])

    def to(self, device: torch.device) -> "PackedPlans":
        return self.map(lambda array: array.to(device, non_blocking=True))

    @staticmethod
    def cat(parts: Sequence["PackedPlans"]) -> "PackedPlans":
        """All plans of `parts`, in order."""
        names = [field.name for field in fields(PackedPlans)]
        return PackedPlans(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def pack(plans: Sequence[ScenePlan], tokenize: Callable[[Sequence[str]], Tensor]) -> PackedPlans:
    """Plans as arrays; `tokenize` is the model's Tokenizer."""
    count, shape = len(plans), (len(plans), MAX_LAYERS)
    tokens = np.zeros((count, CAPTION_TOKENS), np.int16)
    encoded = tokenize([plan.caption for plan in plans]).numpy()[:, :CAPTION_TOKENS]
    tokens[:, : encoded.shape[1]] = encoded
    sprite, fill = np.full(shape, -1, np.int32), np.full(shape, -1, np.int32)
    placement = np.zeros((*shape, 5), np.float32)
    flipped, colour, material = (
        np.zeros(shape, bool),
        np.full(shape, -1, np.int8),
        np.full(shape, -1, np.int8),
    )
    ground = np.zeros((count, 2, 3), np.uint8)
    stated = np.full((count, MAX_STATED), -1, np.int16)
    facts = np.full((count, MAX_FACTS), -1, np.int16)
    for row, plan in enumerate(plans):
        for at, layer in enumerate(plan.layers):
            sprite[row, at], flipped[row, at] = layer.sprite, layer.flipped
            placement[row, at] = layer.x, layer.y, layer.size, layer.angle, layer.top
            colour[row, at] = _index(COLOUR_NAMES, layer.colour)
            material[row, at] = _index(MATERIALS, layer.material)
            fill[row, at] = -1 if layer.fill is None else layer.fill
        ground[row] = plan.ground.colour, plan.ground.second or plan.ground.colour
        for array, of in ((stated, plan.stated), (facts, plan.facts)):
            numbers = [fact_number(fact) for fact in of][: array.shape[1]]
            array[row, : len(numbers)] = numbers
    outline = [np.nan if plan.outline is None else plan.outline for plan in plans]
    arrays = {
        "tokens": tokens,
        "sprite": sprite,
        "placement": placement,
        "flipped": flipped,
        "colour": colour,
        "material": material,
        "fill": fill,
        "place": np.array([_index(PLACES, plan.ground.place) for plan in plans], np.int8),
        "night": np.array([plan.ground.night for plan in plans]),
        "ground": ground,
        "seed": np.array([plan.ground.seed for plan in plans], np.int32),
        "look": np.array([_index(LOOKS, plan.look) for plan in plans], np.int8),
        "tinted": np.array([plan.tinted for plan in plans]),
        "outline": np.array(outline, np.float32),
        "stated": stated,
        "facts": facts,
    }
    return PackedPlans(**{name: torch.from_numpy(array) for name, array in arrays.items()})


def _index(names: tuple[str, ...], name: str | None) -> int:
    return -1 if name is None else names.index(name)


_NUMBERS: dict[Fact, int] = {}


def fact_number(fact: Fact) -> int:
    """A number below FACT_BUCKETS for a fact, the same in every process."""
    if fact not in _NUMBERS:
        digest = blake2s(repr(fact).encode(), digest_size=4).digest()
        _NUMBERS[fact] = int.from_bytes(digest, "big") % FACT_BUCKETS
    return _NUMBERS[fact]


def positive_pairs(plans: PackedPlans) -> Tensor:
    """(P, P) bool: whether all facts that caption i states hold in picture j.

    Besides its own picture a caption may be true of others in the batch; those are positives as well.
    """
    says, has = (_multi_hot(numbers) for numbers in (plans.stated, plans.facts))
    return says @ has.T >= says.sum(1, keepdim=True) - 0.5


def _multi_hot(numbers: Tensor) -> Tensor:
    """Fact numbers (P, n), -1 for none -> (P, FACT_BUCKETS) of 0 and 1."""
    hot = torch.zeros(len(numbers), FACT_BUCKETS + 1, device=numbers.device)
    return hot.scatter_(1, numbers.long() % (FACT_BUCKETS + 1), 1.0)[:, :FACT_BUCKETS]
