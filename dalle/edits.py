"""Edits of a picture as validated dataclasses, to and from the recipe; packed masks.

    Edit  --to_dict-->  {"kind": "vary", "amount": 0.4, "seed": 7}  --from_dict-->  Edit

A recipe's edits are applied in order. The first may be FromFile: the picture then starts from a file, which
the recipe names by its digest and does not contain. Edits come from untrusted sources, so every field is
checked: InputError, a ValueError. Kinds and field names are part of the recipe format.
"""

import base64
import binascii
import dataclasses
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np

from dalle.errors import InputError
from dalle.recipe import (
    MAX_GUIDANCE,
    SEED_COUNT,
    Recipe,
    check_code,
    check_integer,
    check_number,
    check_text,
    short_repr,
)

FILE_DIGEST = re.compile(r"[0-9a-f]{16}")  # as images.digest gives it
MIN_AMOUNT, MAX_AMOUNT = 0.02, 1.0  # time of the flow: 0 features, 1 noise
UPSCALE_FACTORS = (2, 4)
LANCZOS = "lanczos"  # value of Upscale.by without an upscaler network
INVERSION_STEPS = 16  # sampling steps from features to noise
MIN_STEPS = 2  # of a sampling over a part of the way
MAX_TOTAL_STEPS = 2_000  # sampling steps of one recipe: a short link must not ask for hours of work


@dataclass(frozen=True)
class FromFile:
    """Start from an image file instead of sampling."""

    kind: ClassVar[str] = "open"
    file: str  # its digest

    def __post_init__(self) -> None:
        if not isinstance(self.file, str) or not FILE_DIGEST.fullmatch(self.file):
            raise InputError("digest", name="file", most=16, value=short_repr(self.file))


@dataclass(frozen=True)
class Variation:
    """A similar picture: noise is added up to time `amount` and removed again; the code stays."""

    kind: ClassVar[str] = "vary"
    amount: float
    seed: int

    def __post_init__(self) -> None:
        check_number("amount", self.amount, MIN_AMOUNT, MAX_AMOUNT)
        check_integer("seed", self.seed, 0, SEED_COUNT - 1)


@dataclass(frozen=True)
class PromptEdit:
    """The same picture under another prompt, another code, or both."""

    kind: ClassVar[str] = "change"
    prompt: str | None = None  # None: the current one
    code: tuple[float, ...] | None = None  # None: the picture's own
    keep: float = 0.0  # inversion stops at time 1 - keep: with larger values more of the picture stays
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.prompt is not None:
            check_text("prompt", self.prompt)
        if self.code is not None:
            check_code(self.code)
        check_number("keep", self.keep, 0, 1 - MIN_AMOUNT)
        check_number("guidance", self.guidance, 0, MAX_GUIDANCE)


@dataclass(frozen=True)
class Inpaint:
    """Generate what a mask covers; all other pixels stay exactly."""

    kind: ClassVar[str] = "paint"
    mask: str  # as pack_mask gives it
    prompt: str  # of the whole picture
    seed: int
    guidance: float = Recipe.guidance

    def __post_init__(self) -> None:
        if not isinstance(self.mask, str):
            raise InputError("text", name="mask", value=short_repr(self.mask))
        _check_generation(self)


@dataclass(frozen=True)
class Outpaint:
    """Move the frame: the picture becomes a square of `side` at (left, top), and the rest is generated.

    In shares of the frame's side, y downwards; with side 1 the picture is not resized.
    """

    kind: ClassVar[str] = "extend"
    left: float
    top: float
    side: float
    prompt: str
    seed: int
    guidance: float = Recipe.guidance

    def __post_init__(self) -> None:
        check_number("side", self.side, 0.25, 1)
        for name in ("left", "top"):
            check_number(name, getattr(self, name), -0.75, 0.75)
        _check_generation(self)


@dataclass(frozen=True)
class Interpolate:
    """A picture between this one and another."""

    kind: ClassVar[str] = "blend"
    other: dict[str, Any]  # the other's recipe
    weight: float  # of the other, from 0 to 1

    def __post_init__(self) -> None:
        check_number("weight", self.weight, 0, 1)
        # Nested interpolations would let a short link ask for hours of work.
        if any(isinstance(edit, Interpolate) for edit in parse_edits(Recipe.from_dict(self.other))):
            raise InputError("blends")


@dataclass(frozen=True)
class Upscale:
    """Super-resolution to `factor` times the width and height."""

    kind: ClassVar[str] = "enlarge"
    factor: int
    by: str = LANCZOS  # digest of the upscaler network, or LANCZOS

    def __post_init__(self) -> None:
        if type(self.factor) is not int or self.factor not in UPSCALE_FACTORS:
            known = _join(UPSCALE_FACTORS)
            raise InputError("choice", name="factor", known=known, value=short_repr(self.factor))
        if not isinstance(self.by, str) or not re.fullmatch(r"[0-9a-z]{1,16}", self.by):
            raise InputError("digest", name="by", most=16, value=short_repr(self.by))


@dataclass(frozen=True)
class RemoveBackground:
    """Make the flat background transparent."""

    kind: ClassVar[str] = "cut-out"


Edit = FromFile | Variation | PromptEdit | Inpaint | Outpaint | Interpolate | Upscale | RemoveBackground
EDIT_TYPES: dict[str, type[Edit]] = {edit_type.kind: edit_type for edit_type in get_args(Edit)}

OUTPAINT_SIDES = ("out", "left", "right", "up", "down")


def outpaint_towards(side: str, share: float, prompt: str, seed: int) -> Outpaint:
    """Outpaint one of OUTPAINT_SIDES by `share` of the picture's side. Raises InputError."""
    frames = {
        "out": (share / 2, share / 2, 1 - share),
        "left": (share, 0.0, 1.0),
        "right": (-share, 0.0, 1.0),
        "up": (0.0, share, 1.0),
        "down": (0.0, -share, 1.0),
    }
    if side not in frames:
        raise InputError("choice", name="side", known=_join(OUTPAINT_SIDES), value=short_repr(side))
    return Outpaint(*frames[side], prompt, seed)


def _check_generation(edit: Inpaint | Outpaint) -> None:
    check_text("prompt", edit.prompt)
    check_integer("seed", edit.seed, 0, SEED_COUNT - 1)
    check_number("guidance", edit.guidance, 0, MAX_GUIDANCE)


def _join(choices: Iterable[object]) -> str:
    return ", ".join(map(str, choices))


# --- to and from a recipe


def to_dict(edit: Edit) -> dict[str, Any]:
    """A JSON object; `from_dict` gives the equal edit back."""
    values = {field.name: getattr(edit, field.name) for field in dataclasses.fields(edit)}
    if isinstance(values.get("code"), tuple):
        values["code"] = list(values["code"])
    return {"kind": edit.kind} | {name: value for name, value in values.items() if value is not None}


def from_dict(values: dict[str, Any]) -> Edit:
    """Raises InputError for an unknown kind, unknown or missing fields, or a value out of bounds."""
    if not isinstance(values, dict):
        raise InputError("objects", value=short_repr(values))
    values = dict(values)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in EDIT_TYPES:
        raise InputError("choice", name="kind", known=_join(EDIT_TYPES), value=short_repr(kind))
    fields = {field.name: field for field in dataclasses.fields(EDIT_TYPES[kind])}
    unknown = sorted(map(str, values.keys() - fields.keys()))
    required = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in required if name not in values]
    known = _join(fields) or "none"
    if unknown:
        raise InputError("unknown_field", kind=kind, name=unknown[0][:40], known=known)
    if missing:
        raise InputError("missing_field", kind=kind, name=missing[0], known=known)
    if isinstance(values.get("code"), list):
        values["code"] = tuple(values["code"])
    return EDIT_TYPES[kind](**values)


def parse_edits(recipe: Recipe) -> list[Edit]:
    """A recipe's edits, in order.

    Raises InputError for an invalid edit, a FromFile that is not the first, or more than MAX_TOTAL_STEPS.
    """
    edits = [from_dict(values) for values in recipe.edits]
    if any(isinstance(edit, FromFile) for edit in edits[1:]):
        raise InputError("file_late")
    if (steps := _total_steps(recipe, edits)) > MAX_TOTAL_STEPS:
        raise InputError("work", steps=steps, most=MAX_TOTAL_STEPS)
    return edits


def _total_steps(recipe: Recipe, edits: list[Edit]) -> int:
    """An upper bound of the sampling steps that a recipe takes, with those of other pictures in its edits."""
    sampling = max(MIN_STEPS, recipe.steps)
    steps_of: dict[type[Edit], int] = dict.fromkeys((Variation, Inpaint, Outpaint), sampling)
    steps_of |= {PromptEdit: INVERSION_STEPS + sampling, Interpolate: 2 * INVERSION_STEPS + sampling}
    steps = recipe.steps + sum(steps_of.get(type(edit), 0) for edit in edits)
    others = (Recipe.from_dict(edit.other) for edit in edits if isinstance(edit, Interpolate))
    return steps + sum(_total_steps(other, parse_edits(other)) for other in others)


def current_prompt(recipe: Recipe) -> str:
    """The picture's caption after all edits: the prompt of the last edit that has one, else the recipe's."""
    prompts = [
        edit.prompt for edit in parse_edits(recipe) if isinstance(edit, PromptEdit | Inpaint | Outpaint)
    ]
    return next((prompt for prompt in reversed(prompts) if prompt is not None), recipe.prompt)


def required_files(recipe: Recipe) -> list[str]:
    """Digests of the files that a recipe and the other pictures in its edits start from, in order."""
    digests: dict[str, None] = {}  # an ordered set
    for edit in parse_edits(recipe):
        if isinstance(edit, FromFile):
            digests[edit.file] = None
        elif isinstance(edit, Interpolate):
            digests |= dict.fromkeys(required_files(Recipe.from_dict(edit.other)))
    return list(digests)


def with_edit(recipe: Recipe, edit: Edit) -> Recipe:
    """The recipe of the edited picture. Raises what `parse_edits` raises."""
    edited = dataclasses.replace(recipe, edits=(*recipe.edits, to_dict(edit)))
    parse_edits(edited)  # a recipe that nobody could open again must not be made
    return edited


# --- masks


def pack_mask(mask: np.ndarray) -> str:
    """A mask (S, S) bool as text, a few hundred characters for one drawn by hand."""
    return base64.urlsafe_b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode().rstrip("=")


def unpack_mask(text: str, size: int) -> np.ndarray:
    """Inverse of `pack_mask`: -> (size, size) bool. Raises InputError for text that is no such mask."""
    length = -(-size * size // 8)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(packed, length + 1)  # bounded: the text may be a decompression bomb
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InputError("mask_closed", error=str(error)) from error
    if len(bits) != length or not unpacker.eof:
        raise InputError("mask_size", size=size)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=size * size).reshape(size, size).astype(bool)
