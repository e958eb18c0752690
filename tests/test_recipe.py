"""Tests of dalle/recipe.py: recipes survive JSON, links and PNG files exactly; invalid ones are refused."""

import dataclasses
import io
import json
import math
import struct
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager

from dalle import recipe
from dalle.images import ImageError
from dalle.recipe import Picture, Recipe

FLOAT32_CODE = tuple(torch.randn(20, generator=torch.Generator().manual_seed(1)).tolist())
FULL = Recipe(
    prompt='a red apple, "twemoji" style & 100% <b>ripe</b>; 苹果 👩‍🚀 = naïve + C:\\x?#',
    negative="blue, leaves: none",
    guidance=2.7,
    steps=24,
    seed=2**32 - 1,
    code=FLOAT32_CODE,
    checkpoint="0123456789ab",
    size=512,
    edits=(
        {"edit": "vary", "strength": 0.1, "seed": 7},
        {"edit": "words", "prompt": "绿苹果", "box": [1, 2]},
    ),
)
RECIPES = {
    "plain": Recipe(),
    "prompt": Recipe("a dog", seed=7),
    "full": FULL,
    "doubles": Recipe("x", guidance=0.1 + 0.2, code=tuple(i / 7 - 1 for i in range(20))),
    "tiny numbers": Recipe("x", guidance=5e-324, code=(5e-324, -0.0, 1e-40, -10.0, 10) + (0.0,) * 15),
    "whole guidance": Recipe("x", guidance=3),
    "variety": Recipe("x", variety="much"),
    "lines": Recipe("two\r\nlines,\n\twith a tab", negative="one\nmore"),
    "longest": Recipe("👩‍🚀" * 333, "好" * 1_000, code=(math.pi,) * 20, seed=1),
}


def png_bytes(original: Recipe) -> bytes:
    buffer = io.BytesIO()
    recipe.save_png(Picture(Image.new("RGB", (16, 16), "red"), original), buffer)
    return buffer.getvalue()


def png_with(**texts: str) -> bytes:
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def identical(a: Recipe, b: Recipe) -> bool:
    """Equal to the last bit: 0.0 == -0.0, but they are written differently."""
    return a == b and repr(a.code and tuple(map(float, a.code))) == repr(b.code and tuple(map(float, b.code)))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_every_format(name: str, tmp_path: Path) -> None:
    """Guards against seeds and floats that lose digits, and prompts that lose characters."""
    original = RECIPES[name]
    assert identical(Recipe.from_dict(json.loads(json.dumps(original.to_dict()))), original)
    assert identical(Recipe.from_query(original.to_query()), original)
    assert identical(recipe.load_png(png_bytes(original)), original)
    path = tmp_path / "picture.png"
    recipe.save_png(Picture(Image.new("RGB", (4, 4)), original), path)
    assert identical(recipe.load_png(path), original)


def test_the_longest_recipe_survives_a_link() -> None:
    """Guards against a link that is written and then refused: percent-encoding makes texts longer."""
    room = recipe.MAX_JSON_LENGTH - len(json.dumps([{"mask": ""}]))
    for filling in ("!" * room, "苹" * (room // 6), "🍎" * (room // 12), '"' * (room // 2)):
        original = Recipe("🍎" * 1000, "🍎" * 1000, code=FLOAT32_CODE, edits=({"mask": filling},))
        assert identical(Recipe.from_query(original.to_query()), original)


def test_links_are_short() -> None:
    """Guards against a code of 400 characters: float32 values are packed as such."""
    link = Recipe("a red apple", seed=7, checkpoint="0123456789ab", code=FLOAT32_CODE).to_query()
    assert len(parse_qs(link)["code"][0]) == 107
    assert len(link) < 250
    assert link.isascii()


def test_a_link_states_every_field() -> None:
    """Guards against old links that give another picture when a default changes."""
    parameters = parse_qs(Recipe("a dog").to_query())
    assert {"version", "prompt", "guidance", "steps", "seed", "size"} <= parameters.keys()


def test_the_usual_variety_is_not_stated() -> None:
    """Guards against recipes of checkpoints without camera and light that older programs cannot read."""
    assert "variety" not in Recipe("a dog").to_dict() and "variety" not in Recipe("a dog").to_query()
    assert Recipe("a dog", variety="none").to_dict()["variety"] == "none"


def test_a_link_typed_by_hand_is_read() -> None:
    assert Recipe.from_query("prompt=a+red%20apple&__theme=dark") == Recipe("a red apple")
    assert Recipe.from_query("") == Recipe()


def test_the_same_picture_gives_the_same_bytes() -> None:
    """Guards against a timestamp in the file."""
    assert png_bytes(FULL) == png_bytes(FULL)
    assert png_bytes(FULL) != png_bytes(dataclasses.replace(FULL, seed=1))


def test_int_and_float_are_the_same_recipe() -> None:
    """Guards against guidance=3 and guidance=3.0 writing two files."""
    whole, exact = Recipe("x", guidance=3, code=(1,) * 20), Recipe("x", guidance=3.0, code=(1.0,) * 20)
    assert png_bytes(whole) == png_bytes(exact) and whole.to_query() == exact.to_query()


def test_saving_keeps_the_pixels() -> None:
    image = Image.radial_gradient("L").convert("RGB")
    buffer = io.BytesIO()
    recipe.save_png(Picture(image, FULL), buffer)
    assert Image.open(buffer).convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize("name", ["prompt", "full"])
def test_other_programs_read_the_metadata(name: str, tmp_path: Path) -> None:
    """Guards against a `parameters` text that only this program reads; sd-parsers is independent."""
    original = RECIPES[name]
    path = tmp_path / "picture.png"
    path.write_bytes(png_bytes(original))
    info = ParserManager().parse(path)
    (sampler,) = info.samplers
    assert info.generator.name == "AUTOMATIC1111"
    assert [prompt.value for prompt in sampler.prompts] == [original.prompt]
    assert [prompt.value for prompt in sampler.negative_prompts] == (
        [original.negative] if original.negative else []
    )
    assert sampler.parameters["seed"] == str(original.seed)
    assert sampler.parameters["steps"] == str(original.steps)
    assert sampler.parameters["cfg_scale"] == str(original.guidance)
    assert info.metadata["Size"] == f"{original.size}x{original.size}"
    assert (sampler.model.hash if sampler.model else "") == original.checkpoint


DEEP: dict[str, Any] = {}
for _ in range(10_000):
    DEEP = {"x": DEEP}

BAD_FIELDS: list[tuple[str, Any, str]] = [  # field, value, message
    ("prompt", "a" * 1_001, "1,001 characters; 1,000"),
    ("prompt", "bell\a", r"BEL U\+0007 at position 5"),
    ("prompt", "two\x0blines", r"VT U\+000B at position 4"),
    ("prompt", "\0", "NUL"),
    ("prompt", "a\x7f", r"U\+007F"),
    ("prompt", "a\u2028b", "LINE SEPARATOR"),
    ("prompt", "\ud83d", r"U\+D83D"),
    ("prompt", None, "prompt must be text; got None"),
    ("negative", "x" * 10_000, "negative has 10,000"),
    ("guidance", math.nan, "guidance.*0 to 20; got nan"),
    ("guidance", math.inf, "got inf"),
    ("guidance", -0.1, "got -0.1"),
    ("guidance", True, "got True"),
    ("guidance", "3", "got '3'"),
    ("guidance", 10**5_000, "too large to show"),
    ("steps", 0, "steps.*1 to 100; got 0"),
    ("steps", 101, "got 101"),
    ("steps", 12.0, r"whole number.*got 12\.0"),
    ("seed", -1, "0 to 4294967295; got -1"),
    ("seed", 2**32, "got 4294967296"),
    ("seed", 7.5, "got 7.5"),
    ("seed", True, "got True"),
    ("size", 0, "size"),
    ("size", 10**9, "size.*2048"),
    ("code", (0.0,) * 19, "20 numbers"),
    ("code", [0.0] * 20, "20"),
    ("code", (0.0,) * 19 + (math.nan,), "code.*nan"),
    ("code", (10.1,) + (0.0,) * 19, "-10 to 10; got 10.1"),
    ("code", ("0",) * 20, "got '0'"),
    ("checkpoint", "../../etc/passwd", "digest"),
    ("checkpoint", "a" * 65, "digest"),
    ("checkpoint", "abc\n", "digest"),
    ("checkpoint", 5, "digest"),
    ("edits", [{}], "JSON objects"),
    ("edits", ("vary",), "JSON objects"),
    ("edits", ({},) * 33, "33 edits; 32"),
    ("edits", ({"strength": math.nan},), "edits"),
    ("edits", ({"picture": b"bytes"},), "edits"),
    ("edits", ({"box": (1, 2)},), "JSON objects"),
    ("edits", ({1: 2},), "JSON objects"),
    ("edits", (DEEP,), "too large to show"),
    ("edits", ({"mask": "x" * 40_000},), "edits has 40,0.. characters"),
    ("variety", "wild", "one of none, some, much; got 'wild'"),
    ("variety", ["some"], "one of none"),
]


@pytest.mark.parametrize(
    ("field", "value", "message"), BAD_FIELDS, ids=[f"{f}: {s}" for f, _, s in BAD_FIELDS]
)
def test_a_field_out_of_bounds_is_refused_by_name(field: str, value: Any, message: str) -> None:
    """Guards against silent correction, and against messages of a megabyte."""
    with pytest.raises(ValueError, match=message) as raised:
        Recipe(**{field: value})
    assert field in str(raised.value) and len(str(raised.value)) < 400


def test_emoji_and_all_scripts_are_allowed() -> None:
    """Guards against refusing emoji of several characters, and right-to-left or combining scripts."""
    for prompt in ("👩‍🚀", "क्षि", "می‌خواهم", "تفاحة حمراء", "é", "", " "):
        assert Recipe(prompt).prompt == prompt


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("seed=1&seed=2", "twice"),
        ("seed=x", "seed cannot be read"),
        ("seed=" + "9" * 5_000, "seed cannot be read"),
        ("seed=1e3", "whole number"),
        ("seed=", "seed cannot be read"),
        ("guidance=NaN", "guidance must be"),
        ("steps=[[[[", "steps cannot be read"),
        ("edits=" + "[" * 20_000, "edits"),
        ("edits=5", "edits must be"),
        ("code=abc", "20 numbers"),
        ("code=" + "%F0%9F%8D%8E" * 27, "20 numbers"),
        ("code=" + "A" * 107 + "!!!!", "20 numbers"),
        ("code=" + "_" * 107, "code must be a number"),
        ("prompt=%FF%FE", "cannot be read"),
        ("prompt=%00", "NUL"),
        ("prompt=" + "a" * 140_000, "140,007 characters"),
        ("edits=" + "[" * 40_000, "40,000 characters"),
        ("&".join(f"x{i}=1" for i in range(100)), "cannot be read"),
        ("version=9&prompt=a", "version 9.*update it"),
        ("prompt=a&upscale=4", r"unknown fields \['upscale'\].*update it"),
        ("version=null", "version None"),
    ],
)
def test_invalid_links_are_refused(query: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Recipe.from_query(query)
    assert len(str(raised.value)) < 500


def test_packed_infinity_is_refused() -> None:
    """Guards against numbers in a packed code that bypass the checks."""
    for kind, value in (("f", math.inf), ("d", math.nan), ("d", 1e300)):
        packed = recipe.base64.urlsafe_b64encode(struct.pack(f"<20{kind}", *[value] * 20)).decode()
        with pytest.raises(ValueError, match="code must be a number"):
            Recipe.from_query(urlencode({"code": packed}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "JSON object"),
        (None, "JSON object"),
        ({"version": 9}, "version 9"),
        ({"mask": 1}, "unknown fields"),
        ({5: 1}, "unknown fields"),
        ({f"field{i}": i for i in range(9_999)}, "unknown fields"),
    ],
)
def test_invalid_objects_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        Recipe.from_dict(values)
    assert len(str(raised.value)) < 500


def test_from_dict_does_not_change_its_argument() -> None:
    values = FULL.to_dict()
    before = json.dumps(values)
    Recipe.from_dict(values)
    assert json.dumps(values) == before


def test_a_picture_without_a_recipe_is_reported() -> None:
    """Guards against a page that shows no error for a picture from elsewhere."""
    for data in (png_with(), png_with(parameters="a dog\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1")):
        with pytest.raises(ValueError, match=r"no recipe.*only PNG"):
            recipe.load_png(data)
    jpeg = io.BytesIO()
    Image.new("RGB", (4, 4)).save(jpeg, "JPEG")
    with pytest.raises(ValueError, match="no recipe"):
        recipe.load_png(jpeg.getvalue())
    with pytest.raises(ImageError):
        recipe.load_png(b"no picture")


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 9_999, "7", '{"seed": -1}', '{"prompt": 7}', " " * 40_000 + "{}", "NaN"]
)
def test_broken_recipes_in_pictures_are_refused(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        recipe.load_png(png_with(dalle=text))
    assert len(str(raised.value)) < 500
