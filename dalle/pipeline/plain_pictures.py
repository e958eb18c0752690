"""PlainPictures: what the Generator made of recipes drawn lately, before camera and colours.

While one of their sliders moves, the picture is viewed again instead of drawn again.
"""

import threading
from collections import OrderedDict
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.networks.model import DALLEModel
from dalle.pipeline.latents import initial_latents, without_view
from dalle.prompts.reader import Reader
from dalle.recipe import Recipe

MAX_PLAIN_PICTURES = 64  # 192 KiB each at 128 pixels a side


class PlainPictures:
    """The last MAX_PLAIN_PICTURES pictures that one model drew; thread-safe. Empty without told numbers."""

    def __init__(self, model: DALLEModel, reader: Reader):
        self.model, self._reader = model, reader
        self._pictures: OrderedDict[Recipe, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pictures)

    def put(self, recipe: Recipe, picture: Tensor) -> None:
        """Keep a finished picture (3, S, S); one of a recipe with edits is not kept."""
        if recipe.edits or not self.model.config.flow.told:
            return
        key = self._key(recipe)
        with self._lock:
            self._pictures[key] = picture
            self._pictures.move_to_end(key)
            while len(self._pictures) > MAX_PLAIN_PICTURES:
                self._pictures.popitem(last=False)

    @torch.inference_mode()
    def view(self, recipe: Recipe) -> Image.Image | None:
        """The image of a recipe, if one was kept that differs from it in the view at most; else None."""
        if recipe.edits or not self.model.config.flow.told:
            return None
        key = self._key(recipe)
        with self._lock:
            picture = self._pictures.get(key)
            if picture is None:
                return None
            self._pictures.move_to_end(key)
        code = initial_latents([recipe], self.model.config, self._reader).code
        return images.to_images(self.model.view(picture[None], code))[0]

    def _key(self, recipe: Recipe) -> Recipe:
        """The same for recipes that differ in the view alone."""
        plain = without_view(recipe, self.model.config, self._reader)
        return replace(plain, variety=Recipe.variety, checkpoint=self.model.digest)
