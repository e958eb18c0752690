"""Recipe: all that determines a picture; to and from a dict, a link's query and a PNG file's text, exactly.

Whatever is read may be hostile: every field is checked, and a mistake is a ValueError (reasons.Refused) that
names the field, the value and what is allowed.
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

VERSION = 2  # of the format; one more whenever an old reader would draw something else
SEEDS = 2**32
MAX_PROMPT = 1_000  # characters
MAX_GUIDANCE = 20.0
MAX_STEPS = 100
MAX_SIZE = 2_048  # pixels a side
CODE = 20  # numbers in a code
MAX_CODE = 10.0  # standard deviations
MAX_EDITS = 32
DIGEST = re.compile(r"[\w-]{0,64}", re.ASCII)
MAX_TEXT = 32_768  # characters of a recipe's JSON
MAX_QUERY = 4 * MAX_TEXT  # of a link, where a quotation mark takes three characters, and an emoji twelve

# Unicode gives control characters no names; these are ASCII's, for 0 to 31.
CONTROLS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI "
    "DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split()


@dataclass(frozen=True)
class Recipe:
    """All that determines a picture. Raises ValueError where a field is out of its bounds."""

    prompt: str = ""
    negative: str = ""  # what should not be there
    guidance: float = 2.5  # how closely to follow the prompt; 1: as it comes
    steps: int = 7
    seed: int = 0
    code: tuple[float, ...] | None = None  # None: drawn from the seed
    checkpoint: str = ""  # digest of the weights; empty: whichever are in use
    size: int = 128  # pixels a side
    edits: tuple[dict[str, Any], ...] = ()  # what was done to the picture afterwards, in order

    def __post_init__(self) -> None:
        check_words("prompt", self.prompt)
        check_words("negative", self.negative)
        check_number("guidance", self.guidance, 0, MAX_GUIDANCE)
        check_whole("steps", self.steps, 1, MAX_STEPS)
        check_whole("seed", self.seed, 0, SEEDS - 1)
        check_whole("size", self.size, 1, MAX_SIZE)
        if self.code is not None:
            if not isinstance(self.code, tuple) or len(self.code) != CODE:
                raise InputError("numbers", name="code", count=CODE, value=short(self.code))
            for value in self.code:
                check_number("code", value, -MAX_CODE, MAX_CODE)
            object.__setattr__(self, "code", tuple(map(float, self.code)))
        # 3 and 3.0 are one recipe, and must write one file.
        object.__setattr__(self, "guidance", float(self.guidance))
        if not isinstance(self.checkpoint, str) or not DIGEST.fullmatch(self.checkpoint):
            raise InputError("digest", name="checkpoint", most=64, value=short(self.checkpoint))
        _check_edits(self.edits)

    # --- a dict, for JSON

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; `from_dict` gives the equal recipe back."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["code"] = None if self.code is None else list(self.code)
        return {"version": VERSION} | values | {"edits": list(self.edits)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Fields left out have their defaults. Raises ValueError on an unknown field or a newer version."""
        if not isinstance(values, dict):
            raise InputError("not_object", value=short(values))
        values = dict(values)
        version = values.pop("version", VERSION)
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(str(key) for key in values.keys() - known)
        if version != VERSION or unknown:
            odd = (
                error_message("unknown_fields", fields=short(unknown))
                if unknown
                else error_message("its_version", value=short(version))
            )
            raise InputError("other_version", odd=odd, version=VERSION, known=", ".join(sorted(known)))
        for name in ("code", "edits"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        return cls(**values)

    # --- the query of a link

    def to_query(self) -> str:
        """The part of an address after "?"; empty fields are left out, the code is packed in base64."""
        values = {name: value for name, value in self.to_dict().items() if value not in ("", None, [])}
        if self.code is not None:
            values["code"] = _pack(self.code)
        if self.edits:
            values["edits"] = json.dumps(self.edits, separators=(",", ":"), ensure_ascii=False)
        return urlencode(values)

    @classmethod
    def from_query(cls, query: str) -> "Recipe":
        """Parameters that begin with two underscores, as __theme, belong to the page and are passed over."""
        _check_length("link", query, MAX_QUERY)
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=64)
        except ValueError as error:
            raise InputError("link_closed", error=str(error)) from error
        values: dict[str, Any] = {}
        for name, text in pairs:
            if name.startswith("__"):
                continue
            if name in values:
                raise InputError("twice", name=short(name))
            if name == "code":
                values[name] = _unpack(text)
            else:
                values[name] = (
                    text if name in ("prompt", "negative", "checkpoint") else _read_json(name, text)
                )
        return cls.from_dict(values)

    # --- the text in a PNG file

    def to_parameters(self) -> str:
        """The recipe as AUTOMATIC1111 writes it, for people and other programs; without code and edits."""
        settings = {
            "Steps": self.steps,
            "Sampler": "rectified flow",
            "CFG scale": self.guidance,
            "Seed": self.seed,
            "Size": f"{self.size}x{self.size}",
        }
        if self.checkpoint:
            settings["Model hash"] = self.checkpoint
        lines = [self.prompt]
        if self.negative:
            lines.append(f"Negative prompt: {self.negative}")
        lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
        return "\n".join(lines)


@dataclass(frozen=True)
class Picture:
    """A picture and the recipe that it was drawn by."""

    image: Image.Image
    recipe: Recipe


def save_png(picture: Picture, target: str | Path | BinaryIO) -> None:
    """Write a PNG that carries its recipe; the same picture gives the same bytes."""
    info = PngInfo()
    info.add_text("parameters", picture.recipe.to_parameters())
    info.add_text("dalle", json.dumps(picture.recipe.to_dict()))
    picture.image.save(target, "PNG", pnginfo=info)


def load_png(source: images.Source) -> Recipe:
    """The recipe that a PNG file carries.

    Raises ImageError where it is no picture, ValueError where it carries no recipe or a broken one.
    """
    text = images.read_texts(source).get("dalle")
    if text is None:
        raise InputError("no_recipe")
    return Recipe.from_dict(_read_json("recipe", text))


# --- checks and small codecs


def check_words(name: str, text: str) -> None:
    if not isinstance(text, str):
        raise InputError("text", name=name, value=short(text))
    _check_length(name, text, MAX_PROMPT)
    for at, character in enumerate(text, 1):
        # Controls, halves of surrogate pairs, line and paragraph separators. Joiners (Cf) are part of emoji.
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            point = ord(character)
            known = CONTROLS[point] if point < len(CONTROLS) else unicodedata.name(character, "")
            raise InputError("field_control", name=name, known=known, point=point, at=at)


def check_whole(name: str, value: int, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise InputError("whole", name=name, least=least, most=most, value=short(value))


def check_number(name: str, value: float, least: float, most: float) -> None:
    # The type is asked first: a comparison would let True pass as 1; NaN fails it.
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError("number", name=name, least=least, most=most, value=short(value))


def _check_edits(edits: tuple[dict[str, Any], ...]) -> None:
    if not isinstance(edits, tuple) or not all(isinstance(edit, dict) for edit in edits):
        raise InputError("objects", value=short(edits))
    if len(edits) > MAX_EDITS:
        raise InputError("edits", count=len(edits), most=MAX_EDITS)
    try:
        text = json.dumps(edits, allow_nan=False)
        same = json.loads(text) == list(edits)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError("field_closed", name="edits", error=str(error), value=short(edits)) from error
    _check_length("edits", text)
    if not same:
        raise InputError("objects", value=short(edits))  # a tuple, say, which JSON makes a list


def _check_length(name: str, text: str, most: int = MAX_TEXT) -> None:
    if len(text) > most:
        raise InputError("field_long", name=name, length=len(text), most=most)


def short(value: object) -> str:
    """A hostile value as it may stand in a message."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of too many digits, a list too deep
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _read_json(name: str, text: str) -> Any:
    _check_length(name, text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("field_closed", name=name, error=str(error), value=short(text)) from error


def _pack(code: tuple[float, ...]) -> str:
    """Numbers in base64: 4 bytes each where that is exact, as for all that networks give, else 8."""
    single = struct.pack(f"<{len(code)}f", *code)
    exact = struct.unpack(f"<{len(code)}f", single) == tuple(code)
    packed = single if exact else struct.pack(f"<{len(code)}d", *code)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack(text: str) -> tuple[float, ...]:
    kinds = {4 * CODE: f"<{CODE}f", 8 * CODE: f"<{CODE}d"}
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return struct.unpack(kinds[len(packed)], packed)
    except (binascii.Error, ValueError, KeyError) as error:
        raise InputError("numbers", name="code", count=CODE, value=short(text)) from error
