"""Painter: a model that moves drawings step by step, with what it remembers between steps."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from PIL import Image

from dalle.networks import solver
from dalle.networks.solver import Field
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE, SampleState
from dalle.recipe import Recipe

CAPTIONS = 256  # remembered: a slider's prompt is read once


class Sampler:
    """Remembers captions, and the field of its last batch."""

    def __init__(self, model: DALLE):
        self.model = model
        self._read = lru_cache(CAPTIONS)(lambda caption: model.read([caption]))
        self._drawings: list[SampleState] = []
        self._field: Field | None = None

    def read(self, caption: str) -> Caption:
        return self._read(caption)

    def begin(self, recipe: Recipe) -> SampleState:
        return self.model.begin(recipe, self._read)

    def step(self, drawings: Sequence[SampleState]) -> None:
        """Move each by one step."""
        drawings = list(drawings)
        if drawings != self._drawings:
            self._drawings, self._field = drawings, self.model.field(drawings)
        solver.step(self._field, [drawing.walk for drawing in drawings])

    def paint(self, drawings: Sequence[SampleState]) -> list[Image.Image]:
        return self.model.paint(torch.stack([drawing.features for drawing in drawings]))
