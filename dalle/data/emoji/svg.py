"""Icons of an Iconify set: reading them, matching them with emoji, rasterising their SVG."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from dalle.data.emoji.aliases import ALIASES
from dalle.data.emoji.names import EmojiNames, Match, codepoint_key

ViewBox = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True)
class SvgIcon:
    """An icon before it is rasterised."""

    body: str  # SVG elements
    box: ViewBox
    mirrored: bool  # left and right exchanged


_DEFAULT_BOX = {"left": 0, "top": 0, "width": 16, "height": 16}  # of the Iconify format
# Names of icons that are left out: skin tones, national flags and letters.
_LEFT_OUT = re.compile(
    r"-(light|medium-light|medium|medium-dark|dark)(-skin-tone)?(?=-|$)|-tone[1-5]$|flag$"
    r"|^(flag|letter|digit|regional-?indicator|cjkunifiedideograph)"
)


def read_icon_set(content: dict[str, Any]) -> dict[str, SvgIcon]:
    """The icons of an Iconify set (icons.json) by name and alias, without upside-down and rotated ones."""
    icons = {}
    default = _DEFAULT_BOX | {side: content[side] for side in _DEFAULT_BOX if side in content}
    for name, entry in content["icons"].items():
        left, top, width, height = (entry.get(side, default[side]) for side in _DEFAULT_BOX)
        icons[name] = SvgIcon(entry["body"], (left, top, width, height), mirrored=False)
    for name, alias in content.get("aliases", {}).items():
        if alias["parent"] in icons and not alias.keys() & {"rotate", "vFlip"}:
            parent = icons[alias["parent"]]
            icons[name] = SvgIcon(parent.body, parent.box, mirrored=bool(alias.get("hFlip")))
    return icons


def match_icons(
    style: str, icons: dict[str, SvgIcon], characters: dict[str, str], names: EmojiNames
) -> tuple[dict[str, SvgIcon], int, int]:
    """Find the icon of each wanted emoji.

    `icons`: by name. `characters`: the set's own hexcode -> name.
    -> key of the emoji -> icon; how many other icons were left out; how many icons are of no known emoji.
    """
    aliases = ALIASES.get(style, {})
    key_by_name = {name: codepoint_key(hexcode) for hexcode, name in characters.items()}
    best: dict[str, tuple[int, str]] = {}  # key -> rank and name of its best icon
    known = set()
    for name in sorted(icons):
        if name in key_by_name and name not in aliases:
            meaning = Match(-1, key_by_name[name])
        else:
            meaning = names.find(aliases.get(name, name)) or Match(0, "")
        if meaning.emoji in names.entries:
            candidate = (meaning.rank, name)
            best[meaning.emoji] = min(best.get(meaning.emoji, candidate), candidate)
            known.add(icons[name])
        elif meaning.emoji in names.skin_tones or name in aliases or _LEFT_OUT.search(name):
            known.add(icons[name])
    used = {emoji: icons[best[emoji][1]] for emoji in names.wanted if emoji in best}
    return used, len(known) - len(set(used.values())), len(set(icons.values()) - known)


def rasterise(body: str, box: ViewBox, size: int) -> np.ndarray:
    """Render SVG elements within `box` -> (size, size, 4) uint8, straight alpha; an oblong box is centred."""
    import resvg_py
    from PIL import Image

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{size}" height="{size}" viewBox="{" ".join(map(str, box))}">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def rasterise_icon(task: tuple[SvgIcon, int]) -> np.ndarray | None:
    """Pixels (size, size, 4) uint8 of an (icon, size); None for an icon that shows nothing.

    One argument, so that worker processes can map it.
    """
    icon, size = task
    pixels = rasterise(icon.body, icon.box, size)
    if not pixels[..., 3].any():
        return None
    return np.ascontiguousarray(pixels[:, ::-1] if icon.mirrored else pixels)
