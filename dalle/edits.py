"""Edits: what can be done to a picture, as values that its recipe keeps and a link carries.

    Edit  --to_dict-->  {"kind": "vary", "amount": 0.4, "seed": 7}  --read-->  Edit

A recipe's edits are applied one after the other. The first may be `Open`: then the picture began as a file,
which the recipe names by its digest and does not hold. What is read may be hostile: a mistake is a ValueError
(reasons.Refused).
"""

import base64
import binascii
import dataclasses
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dalle.errors import InputError
from dalle.recipe import (
    CODE,
    MAX_CODE,
    MAX_GUIDANCE,
    SEEDS,
    Recipe,
    check_number,
    check_whole,
    check_words,
    short,
)

FILE = re.compile(r"[0-9a-f]{16}")  # the first 64 bits of a file's SHA-256
LEAST, MOST = 0.02, 1.0  # of the way to noise
FACTORS = (2, 4)
LANCZOS = "lanczos"  # stands in where a checkpoint has no upscaler
INVERSION = 16  # sampling steps from features to noise
LEAST_STEPS = 2
MAX_WORK = 2_000  # sampling steps of a recipe in all: a short link must not ask for hours of work


@dataclass(frozen=True)
class FromFile:
    """Begin with a file instead of a drawing."""

    kind: ClassVar[str] = "open"
    file: str  # digest, as images.digest gives it

    def __post_init__(self) -> None:
        if not isinstance(self.file, str) or not FILE.fullmatch(self.file):
            raise InputError("digest", name="file", most=16, value=short(self.file))


@dataclass(frozen=True)
class Variation:
    """Another picture like this one: `amount` of the way to noise and back; the code stays."""

    kind: ClassVar[str] = "vary"
    amount: float
    seed: int

    def __post_init__(self) -> None:
        check_number("amount", self.amount, LEAST, MOST)
        check_whole("seed", self.seed, 0, SEEDS - 1)


@dataclass(frozen=True)
class PromptEdit:
    """The same picture under another caption, another code, or both; `keep` says how much of it stays."""

    kind: ClassVar[str] = "change"
    prompt: str | None = None  # None: as it was
    code: tuple[float, ...] | None = None  # None: the picture's own
    keep: float = 0.0
    guidance: float = 1.0

    def __post_init__(self) -> None:
        if self.prompt is not None:
            check_words("prompt", self.prompt)
        if self.code is not None:
            if not isinstance(self.code, tuple) or len(self.code) != CODE:
                raise InputError("numbers", name="code", count=CODE, value=short(self.code))
            for value in self.code:
                check_number("code", value, -MAX_CODE, MAX_CODE)
        check_number("keep", self.keep, 0, 1 - LEAST)
        check_number("guidance", self.guidance, 0, MAX_GUIDANCE)


@dataclass(frozen=True)
class Inpaint:
    """Redraw what a mask covers, to fit a caption of the whole picture; all else stays, pixel by pixel."""

    kind: ClassVar[str] = "paint"
    mask: str  # as pack_mask gives it
    prompt: str
    seed: int
    guidance: float = Recipe.guidance

    def __post_init__(self) -> None:
        if not isinstance(self.mask, str):
            raise InputError("text", name="mask", value=short(self.mask))
        _check_painting(self)


@dataclass(frozen=True)
class Outpaint:
    """Move the frame: the picture becomes a square of `side` at (left, top), and the rest is drawn anew.

    In shares of the picture's own side, y downwards; side 1 leaves its pixels as they are.
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
        _check_painting(self)


@dataclass(frozen=True)
class Interpolate:
    """Part of the way to another picture: `other` is its recipe; its weight is from 0 to 1."""

    kind: ClassVar[str] = "blend"
    other: dict[str, Any]
    weight: float

    def __post_init__(self) -> None:
        check_number("weight", self.weight, 0, 1)
        # A blend within a blend would let a short link ask for hours of work.
        if any(isinstance(edit, Interpolate) for edit in read_all(Recipe.from_dict(self.other))):
            raise InputError("blends")


@dataclass(frozen=True)
class Upscale:
    """Super-resolution: `factor` times the pixels a side."""

    kind: ClassVar[str] = "enlarge"
    factor: int
    by: str = LANCZOS  # digest of the upscaler, or LANCZOS

    def __post_init__(self) -> None:
        if type(self.factor) is not int or self.factor not in FACTORS:
            raise InputError("choice", name="factor", known=_listed(FACTORS), value=short(self.factor))
        if not isinstance(self.by, str) or not re.fullmatch(r"[0-9a-z]{1,16}", self.by):
            raise InputError("digest", name="by", most=16, value=short(self.by))


@dataclass(frozen=True)
class RemoveBackground:
    """Make the flat background transparent."""

    kind: ClassVar[str] = "cut-out"


Edit = FromFile | Variation | PromptEdit | Inpaint | Outpaint | Interpolate | Upscale | RemoveBackground
KINDS: dict[str, type[Edit]] = {
    kind.kind: kind
    for kind in (FromFile, Variation, PromptEdit, Inpaint, Outpaint, Interpolate, Upscale, RemoveBackground)
}


SIDES = ("out", "left", "right", "up", "down")


def extended(side: str, room: float, prompt: str, seed: int) -> Outpaint:
    """An Extend with room on one side, or all around: a share of the picture's own. Raises ValueError."""
    frames = {
        "out": (room / 2, room / 2, 1 - room),
        "left": (room, 0.0, 1.0),
        "right": (-room, 0.0, 1.0),
        "up": (0.0, room, 1.0),
        "down": (0.0, -room, 1.0),
    }
    if side not in frames:
        raise InputError("choice", name="side", known=_listed(SIDES), value=short(side))
    return Outpaint(*frames[side], prompt, seed)


def _check_painting(edit: Inpaint | Outpaint) -> None:
    check_words("prompt", edit.prompt)
    check_whole("seed", edit.seed, 0, SEEDS - 1)
    check_number("guidance", edit.guidance, 0, MAX_GUIDANCE)


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(map(str, choices))


# --- to and from a recipe


def to_dict(edit: Edit) -> dict[str, Any]:
    """A JSON object; `read` gives the equal edit back."""
    values = {field.name: getattr(edit, field.name) for field in dataclasses.fields(edit)}
    if isinstance(values.get("code"), tuple):
        values["code"] = list(values["code"])
    return {"kind": edit.kind} | {name: value for name, value in values.items() if value is not None}


def read(values: dict[str, Any]) -> Edit:
    """Raises ValueError for a kind or a field that there is not, or a value out of its bounds."""
    if not isinstance(values, dict):
        raise InputError("objects", value=short(values))
    values = dict(values)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError("choice", name="kind", known=_listed(KINDS), value=short(kind))
    fields = {field.name: field for field in dataclasses.fields(KINDS[kind])}
    unknown = sorted(map(str, values.keys() - fields.keys()))
    needed = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in needed if name not in values]
    known = _listed(fields) or "none"
    if unknown:
        raise InputError("unknown_field", kind=kind, name=unknown[0][:40], known=known)
    if missing:
        raise InputError("missing_field", kind=kind, name=missing[0], known=known)
    if isinstance(values.get("code"), list):
        values["code"] = tuple(values["code"])
    return KINDS[kind](**values)


def read_all(recipe: Recipe) -> list[Edit]:
    """A recipe's edits, in order.

    Raises ValueError, also where a file is opened later than first, or the picture would take too long.
    """
    edits = [read(values) for values in recipe.edits]
    if any(isinstance(edit, FromFile) for edit in edits[1:]):
        raise InputError("file_late")
    if (steps := _work(recipe, edits)) > MAX_WORK:
        raise InputError("work", steps=steps, most=MAX_WORK)
    return edits


def _work(recipe: Recipe, edits: list[Edit]) -> int:
    """At most so many sampling steps: the picture's own, each edit's, and those of blended pictures."""
    again = max(LEAST_STEPS, recipe.steps)
    takes = {Variation: again, PromptEdit: INVERSION + again, Inpaint: again, Outpaint: again}
    takes[Interpolate] = 2 * INVERSION + again
    others = (Recipe.from_dict(edit.other) for edit in edits if isinstance(edit, Interpolate))
    own = recipe.steps + sum(takes.get(type(edit), 0) for edit in edits)
    return own + sum(_work(other, read_all(other)) for other in others)


def caption(recipe: Recipe) -> str:
    """What the picture shows by now: the prompt of the last edit that has one, else the recipe's."""
    said = [edit.prompt for edit in read_all(recipe) if getattr(edit, "prompt", None) is not None]
    return said[-1] if said else recipe.prompt


def files(recipe: Recipe) -> list[str]:
    """Digests of the files that it takes to draw a recipe, in order; those of blended pictures too."""
    found: dict[str, None] = {}
    for edit in read_all(recipe):
        if isinstance(edit, FromFile):
            found[edit.file] = None
        elif isinstance(edit, Interpolate):
            found |= dict.fromkeys(files(Recipe.from_dict(edit.other)))
    return list(found)


def with_edit(recipe: Recipe, edit: Edit) -> Recipe:
    """The recipe of what an edit makes of its picture. Raises ValueError where it would take too long."""
    edited = dataclasses.replace(recipe, edits=(*recipe.edits, to_dict(edit)))
    read_all(edited)  # a picture whose link nobody can open is not made
    return edited


# --- masks


def pack_mask(mask: np.ndarray) -> str:
    """A mask (S, S) bool as text: a drawn one has a few hundred characters."""
    return base64.urlsafe_b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode().rstrip("=")


def unpack_mask(text: str, size: int) -> np.ndarray:
    """-> (size, size) bool. Raises ValueError where the text is no mask of that size."""
    length = -(-size * size // 8)
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        bits = unpacker.decompress(packed, length + 1)  # and no bomb
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InputError("mask_closed", error=str(error)) from error
    if len(bits) != length or not unpacker.eof:
        raise InputError("mask_size", size=size)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=size * size).reshape(size, size).astype(bool)
