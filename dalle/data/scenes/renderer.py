"""From a scene to pixels: recoloured and resized icons over a plain background."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import COLOURS, RGB, recolour
from dalle.data.scenes.layout import WHOLE_PICTURE
from dalle.data.scenes.scene import Scene, SceneObject


class SceneRenderer:
    """Renders scenes of the icons of `emoji` as squares of `size` pixels a side."""

    def __init__(self, emoji: EmojiSet, size: int):
        self.emoji, self.size = emoji, size

    def render(self, scene: Scene) -> np.ndarray:
        """-> (size, size, 3) uint8."""
        return self._draw(scene.objects, scene.background)

    def render_icon(self, icon: int) -> np.ndarray:
        """One icon alone, filling the picture, on white -> (size, size, 3) uint8."""
        return self._draw([SceneObject(icon, *WHOLE_PICTURE)], COLOURS["white"])

    def _draw(self, objects: Sequence[SceneObject], background: RGB) -> np.ndarray:
        canvas = np.empty((self.size, self.size, 3), np.uint8)
        canvas[:] = background
        for item in objects:
            side = round(item.size * self.size)
            left, top = (
                min(max(round(centre * self.size - side / 2), 0), self.size - side)
                for centre in (item.x, item.y)
            )
            icon = self._object_pixels(item, side)
            alpha = icon[..., 3:].astype(np.uint16)
            under = canvas[top : top + side, left : left + side]
            under[:] = (icon[..., :3] * alpha + under * (255 - alpha) + 127) // 255
        return canvas

    def _object_pixels(self, item: SceneObject, side: int) -> np.ndarray:
        """The icon of an object in its size and colour -> (side, side, 4) uint8, straight alpha."""
        pixels = self.emoji.pixels[item.icon]
        if side != len(pixels):  # Pillow multiplies by alpha before it resizes, so that no dark rim appears
            pixels = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))
        if item.flipped:
            pixels = pixels[:, ::-1]
        return pixels if item.colour is None else recolour(pixels, item.colour)
