"""Recipe: all that determines a picture. Exact round trips to JSON, URL query and PNG metadata.

Recipes come from untrusted sources, so every field is checked: InputError, a ValueError, names the field, the
value and what is allowed.
"""

import base64
import binascii
import dataclasses
import json
import re
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlencode

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dalle import images
from dalle.errors import InputError, error_message

FORMAT_VERSION = 2  # increased whenever an older version of this program would draw another picture
SEED_COUNT = 2**32
MAX_PROMPT_LENGTH = 1_000  # characters
WHITE_SPACE = "\t\n\r"  # in texts that were pasted
MAX_GUIDANCE = 20.0
MAX_STEPS = 100
MAX_SIZE = 2_048  # pixels a side
CODE_SIZE = 20  # numbers in a code
MAX_CODE = 10.0  # of a number's absolute value, in standard deviations
MAX_EDITS = 32
VARIETIES = ("none", "some", "much")
TEXT_FIELDS = ("prompt", "negative", "checkpoint", "variety")
CHECKPOINT_DIGEST = re.compile(r"[\w-]{0,64}", re.ASCII)
MAX_JSON_LENGTH = 32_768  # characters of a recipe's JSON
MAX_QUERY_LENGTH = 4 * MAX_JSON_LENGTH  # percent-encoded, a quotation mark takes 3 characters, an emoji 12

# ASCII's names of characters 0 to 31, to which Unicode gives none.
CONTROL_NAMES = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split()


@dataclass(frozen=True)
class Recipe:
    """All that determines a picture. Raises InputError for a field of a wrong type or out of bounds."""

    prompt: str = ""
    negative: str = ""  # negative prompt
    guidance: float = 2.5  # classifier-free guidance scale; 1: none
    steps: int = 7  # sampling steps
    seed: int = 0
    code: tuple[float, ...] | None = None  # None: drawn from the seed
    checkpoint: str = ""  # digest of the weights; empty: any
    size: int = 128  # pixels a side
    edits: tuple[dict[str, Any], ...] = ()  # applied in order, as edits.to_dict gives them
    variety: str = "some"  # of camera and light in a code drawn from the seed: one of VARIETIES

    def __post_init__(self) -> None:
        check_text("prompt", self.prompt)
        check_text("negative", self.negative)
        check_number("guidance", self.guidance, 0, MAX_GUIDANCE)
        check_integer("steps", self.steps, 1, MAX_STEPS)
        check_integer("seed", self.seed, 0, SEED_COUNT - 1)
        check_integer("size", self.size, 1, MAX_SIZE)
        if self.code is not None:
            check_code(self.code)
            object.__setattr__(self, "code", tuple(map(float, self.code)))
        # Guidance 3 and 3.0 are the same recipe and must give the same file.
        object.__setattr__(self, "guidance", float(self.guidance))
        if not isinstance(self.checkpoint, str) or not CHECKPOINT_DIGEST.fullmatch(self.checkpoint):
            raise InputError("digest", name="checkpoint", most=64, value=short_repr(self.checkpoint))
        _check_edits(self.edits)
        if not isinstance(self.variety, str) or self.variety not in VARIETIES:
            known = ", ".join(VARIETIES)
            raise InputError("choice", name="variety", known=known, value=short_repr(self.variety))

    # --- JSON

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `from_dict` gives the equal recipe back.

        The default variety is left out: so recipes read the same as those made before they had one.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["code"] = None if self.code is None else list(self.code)
        if self.variety == Recipe.variety:
            del values["variety"]
        return {"version": FORMAT_VERSION} | values | {"edits": list(self.edits)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Missing fields have their defaults. Raises InputError for an unknown field or another version."""
        if not isinstance(values, dict):
            raise InputError("not_object", value=short_repr(values))
        values = dict(values)
        version = values.pop("version", FORMAT_VERSION)
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(str(key) for key in values.keys() - known)
        if version != FORMAT_VERSION or unknown:
            difference = (
                error_message("unknown_fields", fields=short_repr(unknown))
                if unknown
                else error_message("its_version", value=short_repr(version))
            )
            raise InputError(
                "other_version", odd=difference, version=FORMAT_VERSION, known=", ".join(sorted(known))
            )
        for name in ("code", "edits"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        return cls(**values)

    # --- URL query

    def to_query(self) -> str:
        """The part of a URL after "?"; empty fields are left out, the code is packed in base64."""
        values = {name: value for name, value in self.to_dict().items() if value not in ("", None, [])}
        if self.code is not None:
            values["code"] = _pack_code(self.code)
        if self.edits:
            values["edits"] = json.dumps(self.edits, separators=(",", ":"), ensure_ascii=False)
        return urlencode(values)

    @classmethod
    def from_query(cls, query: str) -> "Recipe":
        """Inverse of `to_query`; ignores names with two leading underscores (Gradio's, as __theme).

        Raises InputError.
        """
        _check_length("link", query, MAX_QUERY_LENGTH)
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=64)
        except ValueError as error:
            raise InputError("link_closed", error=str(error)) from error
        values: dict[str, Any] = {}
        for name, text in pairs:
            if name.startswith("__"):
                continue
            if name in values:
                raise InputError("twice", name=short_repr(name))
            if name == "code":
                values[name] = _unpack_code(text)
            else:
                values[name] = text if name in TEXT_FIELDS else _read_json(name, text)
        return cls.from_dict(values)

    # --- PNG metadata

    def to_parameters(self) -> str:
        """AUTOMATIC1111's `parameters` text, for people and other programs; without code and edits."""
        settings = {
            "Steps": self.steps,
            "Sampler": "rectified flow",
            "CFG scale": self.guidance,
            "Seed": self.seed,
            "Size": f"{self.size}x{self.size}",
        }
        if self.checkpoint:
            settings["Model hash"] = self.checkpoint
        lines = [" ".join(self.prompt.splitlines())]
        if self.negative:
            lines.append(f"Negative prompt: {' '.join(self.negative.splitlines())}")
        lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
        return "\n".join(lines)


@dataclass(frozen=True)
class Picture:
    """An image and its recipe."""

    image: Image.Image
    recipe: Recipe


def save_png(picture: Picture, target: str | Path | BinaryIO) -> None:
    """Write a PNG that carries the recipe; the same picture gives the same bytes."""
    info = PngInfo()
    info.add_text("parameters", picture.recipe.to_parameters())
    info.add_text("dalle", json.dumps(picture.recipe.to_dict()))
    picture.image.save(target, "PNG", pnginfo=info)


def load_png(source: images.Source) -> Recipe:
    """The recipe that a PNG file carries.

    Raises ImageError for a file that is no image, InputError where there is no recipe, or an invalid one.
    """
    text = images.read_png_texts(source).get("dalle")
    if text is None:
        raise InputError("no_recipe")
    return Recipe.from_dict(_read_json("recipe", text))


# --- field checks: each raises InputError that names the field


def check_text(name: str, text: str) -> None:
    """At most MAX_PROMPT_LENGTH characters, no surrogates, no control characters but WHITE_SPACE."""
    if not isinstance(text, str):
        raise InputError("text", name=name, value=short_repr(text))
    _check_length(name, text, MAX_PROMPT_LENGTH)
    for position, character in enumerate(text, 1):
        # Format characters (Cf) are allowed: emoji are joined by them.
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in WHITE_SPACE:
            point = ord(character)
            known = CONTROL_NAMES[point] if point < len(CONTROL_NAMES) else unicodedata.name(character, "")
            raise InputError("field_control", name=name, known=known, point=point, at=position)


def check_integer(name: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InputError("whole", name=name, least=least, most=most, value=short_repr(value))


def check_number(name: str, value: float, least: float, most: float) -> None:
    # bool is a subclass of int; NaN fails the comparison.
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError("number", name=name, least=least, most=most, value=short_repr(value))


def check_code(code: object) -> None:
    """CODE_SIZE numbers from -MAX_CODE to MAX_CODE."""
    if not isinstance(code, tuple) or len(code) != CODE_SIZE:
        raise InputError("numbers", name="code", count=CODE_SIZE, value=short_repr(code))
    for value in code:
        check_number("code", value, -MAX_CODE, MAX_CODE)


def _check_edits(edits: tuple[dict[str, Any], ...]) -> None:
    if not isinstance(edits, tuple) or not all(isinstance(edit, dict) for edit in edits):
        raise InputError("objects", value=short_repr(edits))
    if len(edits) > MAX_EDITS:
        raise InputError("edits", count=len(edits), most=MAX_EDITS)
    try:
        text = json.dumps(edits, allow_nan=False)
        survives_json = json.loads(text) == list(edits)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError("field_closed", name="edits", error=str(error), value=short_repr(edits)) from error
    _check_length("edits", text)
    if not survives_json:  # as a tuple, which JSON makes a list
        raise InputError("objects", value=short_repr(edits))


def _check_length(name: str, text: str, most: int = MAX_JSON_LENGTH) -> None:
    if len(text) > most:
        raise InputError("field_long", name=name, length=len(text), most=most)


def short_repr(value: object) -> str:
    """repr of an untrusted value for an error message, at most 80 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a list too deep
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= 80 else f"{text[:77]}..."


# --- codecs of fields


def _read_json(name: str, text: str) -> Any:
    _check_length(name, text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("field_closed", name=name, error=str(error), value=short_repr(text)) from error


def _pack_code(code: tuple[float, ...]) -> str:
    """base64 of float32 where that is exact, as for codes that networks give, else of float64."""
    single = struct.pack(f"<{len(code)}f", *code)
    is_exact = struct.unpack(f"<{len(code)}f", single) == tuple(code)
    packed = single if is_exact else struct.pack(f"<{len(code)}d", *code)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack_code(text: str) -> tuple[float, ...]:
    formats = {4 * CODE_SIZE: f"<{CODE_SIZE}f", 8 * CODE_SIZE: f"<{CODE_SIZE}d"}  # by number of bytes
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return struct.unpack(formats[len(packed)], packed)
    except (binascii.Error, ValueError, KeyError) as error:
        raise InputError("numbers", name="code", count=CODE_SIZE, value=short_repr(text)) from error
