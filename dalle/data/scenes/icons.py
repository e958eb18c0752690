"""Properties of an icon that composing scenes needs: its concept, where it is visible, its colour."""

import numpy as np

from dalle.data.emoji.emoji_set import Concept, EmojiSet
from dalle.data.scenes.colours import dominant_colour, recolour

VISIBLE_ALPHA = 32  # a pixel above this alpha belongs to the icon; others are its soft edge
COLOUR_THUMBNAIL_SIZE = 32  # pixels: enough to judge a colour


class IconProperties:
    """Properties of the icons of an emoji set, by the icons' indices."""

    def __init__(self, emoji: EmojiSet):
        self.emoji = emoji
        self._dominant: dict[int, str] = {}

    def concept_index(self, icon: int) -> int:
        return self.emoji.icons[icon].concept

    def concept(self, icon: int) -> Concept:
        return self.emoji.concepts[self.concept_index(icon)]

    def style(self, icon: int) -> str:
        return self.emoji.icons[icon].style

    def visible_mask(self, icon: int) -> np.ndarray:
        """Where the icon is visible: (size, size) bool."""
        return self.emoji.pixels[icon, ..., 3] > VISIBLE_ALPHA

    def visible_box(self, icon: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the visible part, from -0.5 to 0.5 of the icon's side."""
        mask = self.visible_mask(icon)
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        left, top, right, bottom = (
            np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / len(mask) - 0.5
        )
        return left, top, right, bottom

    def dominant_colour(self, icon: int) -> str:
        """The name of the colour that the icon was drawn in."""
        if icon not in self._dominant:
            self._dominant[icon] = dominant_colour(_visible_pixels(self._thumbnail(icon)))
        return self._dominant[icon]

    def takes_colour(self, icon: int, colour: str) -> bool:
        """Whether the icon, recoloured, would be named by that colour."""
        recoloured = recolour(self._thumbnail(icon), colour)
        return dominant_colour(_visible_pixels(recoloured)) == colour

    def _thumbnail(self, icon: int) -> np.ndarray:
        step = max(1, self.emoji.size // COLOUR_THUMBNAIL_SIZE)
        return self.emoji.pixels[icon, ::step, ::step]


def _visible_pixels(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) -> colours of the visible pixels, (N, 3)."""
    return rgba[rgba[..., 3] > VISIBLE_ALPHA][:, :3]
