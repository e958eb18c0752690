"""The Open Clip Art Library as Debian packages it: SVG files with title, keywords, author and licence."""

import re
from html import unescape
from pathlib import Path

from dalle.data.sprites.candidates import MAX_BODY, Candidate
from dalle.data.sprites.raster import Artwork, Box

ROOT = "usr/share/openclipart/svg"
MAX_ELEMENTS = 2500
MARGIN = 0.25  # of the page, looked at around it: many drawings reach beyond their page
# Folders without things: signs, patterns, lettered buttons, and the icons of desktop themes.
LEFT_OUT = re.compile(
    r"^(shapes|special|logos|computer/(icons|buttons|folders|games)|geography/(?!astronomy)|office/(?!telephone)"
    r"|signs_and_symbols/(flags|map_symbols|led|money)|recreation/games/cards|people/clothing/pantyhose"
    r"|transportation/roadsigns)"
)
UNITS = {"": 1.0, "px": 1.0, "pt": 1.25, "pc": 15.0, "mm": 3.543307, "cm": 35.43307, "in": 90.0}
_SHARED_TITLE = re.compile(
    r"clipart by|various clipart|map symbols|sibmission|menu clip ?art|advertising|iconset|icons$|^hash",
    re.IGNORECASE,
)
_NO_WORDS = frozenset(
    ["", "bw", "bwh", "b", "w", "clipart", "cartoon", "fr", "simple", "remix", "outline", "lineart", "ganson"]
)
_ROOT_TAG = re.compile(r"<svg\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(\"[^\"]*\"|'[^']*')", re.DOTALL)
_ENTITY = re.compile(r"<!ENTITY\s+(\w+)\s+(\"[^\"]*\"|'[^']*')\s*>")
_LENGTH = re.compile(r"\s*([0-9.]+)\s*(px|pt|pc|mm|cm|in|)\s*$")
_LETTERED = re.compile(r"<(?:svg:)?(?:text|flowRoot)\b[^>]*>(?:\s*<[^>]*>)*\s*[^<\s]", re.DOTALL)
_RASTER = re.compile(r"<(?:svg:)?image\b")
_LICENCE = re.compile(r"<(?:cc:)?license\s+rdf:resource\s*=\s*[\"']([^\"']*)", re.IGNORECASE)
_TITLE = re.compile(r"<dc:title[^>]*>([^<]*)<")
_CREATOR = re.compile(r"<dc:creator[^>]*>.*?<dc:title[^>]*>([^<]*)<", re.DOTALL)
_KEYWORD = re.compile(r"<rdf:li[^>]*>([^<]*)<")


def read_clipart(package: Path) -> tuple[list[Candidate], int]:
    """The drawings of the library, less the folders without things; how many it has in all."""
    root = package / ROOT
    files = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.svg"))
    return [read_file(root, name) for name in files if not LEFT_OUT.search(name)], len(files)


def read_file(root: Path, name: str) -> Candidate:
    """One SVG file with its metadata; the candidate's defect says why the file cannot be used."""
    text = (root / name).read_text(encoding="utf-8", errors="replace")
    metadata = text.partition("</metadata>")[0]
    title = _first(_TITLE, metadata)
    keywords = [_clean(word) for word in _KEYWORD.findall(metadata)]
    credit = _first(_CREATOR, metadata)
    words = tuple(dict.fromkeys(word.lower() for word in keywords if word and not word.startswith("hash")))
    artwork, defect = _artwork(text)
    phrases = tuple(dict.fromkeys(filter(None, (_title_phrase(title), _file_phrase(name, credit)))))
    return Candidate(name, artwork, phrases, words, credit, defect or _defect(text, metadata))


def _title_phrase(title: str) -> str:
    """A title in plain words; empty for the titles that whole collections share."""
    return "" if _SHARED_TITLE.search(title) else _plain(title)


def _file_phrase(name: str, credit: str) -> str:
    """What a file is called, less its author's name, of which its end is often cut off."""
    author = _plain(credit).split()
    words = _plain(name.rpartition("/")[2].removesuffix(".svg")).split()
    while len(words) > 1 and any(part.startswith(words[-1]) for part in author):
        words.pop()
    return " ".join(words)


def _plain(text: str) -> str:
    """Words of letters only, in lower case: "red-eye_frog_01" -> "red eye frog"."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(word for word in re.split(r"[^a-zà-ÿ]+", parts.lower()) if word not in _NO_WORDS)


def _defect(text: str, metadata: str) -> str:
    licence = _first(_LICENCE, metadata)
    if "publicdomain" not in licence.lower().replace("_", "").replace(" ", ""):
        return f"licence {licence or 'not told'}"
    if len(text) > MAX_BODY or text.count("<") > 2 * MAX_ELEMENTS:
        return "too complex"
    if _RASTER.search(text):
        return "raster"
    return "lettered" if _LETTERED.search(text) else ""


def _artwork(text: str) -> tuple[Artwork, str]:
    """The drawing as elements on a plane whose extent is known; empty, with a reason, where it is not."""
    for name, value in _ENTITY.findall(text):
        text = text.replace(f"&{name};", value[1:-1])
    root = _ROOT_TAG.search(text)
    if root is None or "</svg>" not in text[root.end() :]:
        return Artwork(), "no SVG"
    attributes = {name: value[1:-1] for name, value in _ATTRIBUTE.findall(root[1])}
    box = _box(attributes)
    if box is None:
        return Artwork(), "no page size"
    left_out = {"width", "height", "viewBox", "xmlns", "xmlns:xlink", "x", "y", "preserveAspectRatio"}
    kept = " ".join(f'{name}="{value}"' for name, value in attributes.items() if name not in left_out)
    left, top, width, height = box
    seen = (left - MARGIN * width, top - MARGIN * height, width * (1 + 2 * MARGIN), height * (1 + 2 * MARGIN))
    return Artwork(text[root.end() : text.rindex("</svg>")], seen, attributes=kept), ""


def _box(attributes: dict[str, str]) -> Box | None:
    """The page: the viewBox, else width and height in pixels."""
    numbers = [float(n) for n in re.findall(r"-?[0-9.]+(?:e-?\d+)?", attributes.get("viewBox", ""))]
    if len(numbers) == 4 and numbers[2] > 0 and numbers[3] > 0:
        return (numbers[0], numbers[1], numbers[2], numbers[3])
    sides = [_LENGTH.match(attributes.get(side, "")) for side in ("width", "height")]
    if not all(sides):
        return None
    width, height = (float(side[1]) * UNITS[side[2]] for side in sides if side)
    return (0.0, 0.0, width, height) if width > 0 and height > 0 else None


def _first(pattern: re.Pattern, text: str) -> str:
    found = pattern.search(text)
    return _clean(found[1]) if found else ""


def _clean(words: str) -> str:
    return re.sub(r"\s+", " ", unescape(words)).strip()
