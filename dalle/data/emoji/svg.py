"""Icons as their sets deliver them: found by concept, and turned into pixels."""

import io
import re
from dataclasses import dataclass

import numpy as np

from dalle.data.emoji.aliases import ALIASES
from dalle.data.emoji.names import EmojiNames, Match, codepoint_key

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True)
class SvgIcon:
    """An icon before it is rasterised: SVG elements, and the part of their plane that shows."""

    body: str
    box: Box
    mirrored: bool


_BOX = {"left": 0, "top": 0, "width": 16, "height": 16}  # iconify's defaults
# Names of skin tones, national flags and letters.
_LEFT_OUT = re.compile(
    r"-(light|medium-light|medium|medium-dark|dark)(-skin-tone)?(?=-|$)|-tone[1-5]$|flag$"
    r"|^(flag|letter|digit|regional-?indicator|cjkunifiedideograph)"
)


def read_drawings(icons: dict) -> dict[str, SvgIcon]:
    """Every drawing of an iconify set by name, and by the names that it has besides."""
    found = {}
    for name, icon in icons["icons"].items():
        box = _BOX | {side: icons[side] for side in _BOX if side in icons}
        found[name] = SvgIcon(icon["body"], tuple(icon.get(side, box[side]) for side in _BOX), mirrored=False)
    for name, alias in icons.get("aliases", {}).items():
        if alias["parent"] in found and not alias.keys() & {"rotate", "vFlip"}:
            parent = found[alias["parent"]]
            found[name] = SvgIcon(parent.body, parent.box, mirrored=bool(alias.get("hFlip")))
    return found


def match(
    style: str, drawings: dict[str, SvgIcon], characters: dict[str, str], names: EmojiNames
) -> tuple[dict[str, SvgIcon], int, int]:
    """The drawing of each wanted emoji; how many others were left out, and how many are of no known emoji."""
    spellings = ALIASES.get(style, {})
    by_character = {name: codepoint_key(hexcode) for hexcode, name in characters.items()}
    best: dict[str, tuple[int, str]] = {}
    known = set()
    for name in sorted(drawings):
        if name in by_character and name not in spellings:
            meant = Match(-1, by_character[name])
        else:
            meant = names.find(spellings.get(name, name))
        emoji = meant.emoji if meant else ""
        if emoji in names.entries:
            best[emoji] = min(best.get(emoji, (meant.rank, name)), (meant.rank, name))
        if emoji in names.entries or emoji in names.tones or name in spellings or _LEFT_OUT.search(name):
            known.add(drawings[name])
    used = {emoji: drawings[best[emoji][1]] for emoji in names.wanted if emoji in best}
    return used, len(known) - len(set(used.values())), len(set(drawings.values()) - known)


def rasterise(body: str, box: Box, size: int) -> np.ndarray:
    """SVG seen through `box` -> (size, size, 4) uint8, straight alpha; what is no square is centred."""
    import resvg_py
    from PIL import Image

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{size}" height="{size}" viewBox="{" ".join(map(str, box))}">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def draw(task: tuple[SvgIcon, int]) -> np.ndarray | None:
    """One drawing's pixels, or None where nothing is to be seen; runs in a worker process."""
    drawing, size = task
    pixels = rasterise(drawing.body, drawing.box, size)
    if not pixels[..., 3].any():
        return None
    return np.ascontiguousarray(pixels[:, ::-1] if drawing.mirrored else pixels)
