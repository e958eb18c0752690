"""Exam: a checkpoint, the referee that grades it and the icons behind both, asked for pictures in bulk."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import eval_prompts
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.eval_prompts import EvalPrompt
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sliders import Slider
from dalle.recipe import Recipe

CONCEPTS, SEEDS = 500, 2  # whose recognition is measured, and pictures of each
BATCH = 32


@dataclass(frozen=True)
class Evaluator:
    """Who is examined, by whom, on what, and where the sheets go."""

    model: DALLE
    referee: IconClassifier | None  # None: only what needs no grading can be asked
    composer: Composer
    folder: Path
    sliders: tuple[Slider, ...] = ()  # of the checkpoint, the most telling first
    upscaler: Upscaler | None = None  # that of the checkpoint, where it has one

    @property
    def emoji(self) -> EmojiSet:
        return self.composer.emoji

    # --- pictures

    def draw(self, asked: Sequence[EvalPrompt], what: str) -> list[Image.Image]:
        """What the model draws when asked."""
        return self.draw_recipes([Recipe(question.prompt, seed=question.seed) for question in asked], what)

    def draw_recipes(self, recipes: Sequence[Recipe], what: str) -> list[Image.Image]:
        starts = tqdm(range(0, len(recipes), BATCH), desc=f"{what}: drawing")
        return [picture.image for s in starts for picture in self.model.draw(recipes[s : s + BATCH])]

    @cached_property
    def styled(self) -> tuple[list[EvalPrompt], list[Image.Image]]:
        """Concepts with their style said, and what the model draws of them."""
        asked = eval_prompts.by_style(self.emoji, CONCEPTS, SEEDS)
        return asked, self.draw(asked, "styles")

    def icons(self, icons: Sequence[int]) -> list[Image.Image]:
        """Icons alone on white."""
        return [Image.fromarray(self.composer.plain(icon)) for icon in icons]

    def reconstructed(self, pictures: Sequence[Image.Image]) -> list[Image.Image]:
        """Pictures through the FeatureExtractor and the Generator alone."""
        model = self.model

        def read(batch: Tensor) -> Tensor:
            return model.extractor(batch.to(model.dtype)).float()

        features = self.over(read, pictures, "reconstructing")
        return [picture for part in features.split(BATCH) for picture in model.paint(part)]

    def sheet(
        self, name: str, pictures: Sequence[Image.Image], captions: Sequence[str], columns: int = 8
    ) -> None:
        """Write pictures under their captions into the folder, where there are any."""
        if pictures:
            images.grid(pictures, columns, captions).save(self.folder / f"{name}.png")

    # --- figures

    @torch.inference_mode()
    def over(
        self, function: Callable[[Tensor], Tensor], pictures: Sequence[Image.Image], what: str
    ) -> Tensor:
        """function((B, 3, S, S)) of all pictures, batch by batch, as one."""
        starts = tqdm(range(0, len(pictures), BATCH), desc=what)
        return torch.cat([function(images.from_images(pictures[s : s + BATCH])) for s in starts])

    def between(
        self,
        distance: Callable[[Tensor, Tensor], Tensor],
        some: Sequence[Image.Image],
        others: Sequence[Image.Image],
        what: str,
    ) -> Tensor:
        """distance((B, 3, S, S), (B, 3, S, S)) of pictures, pair by pair."""
        pending = iter(others)
        return self.over(
            lambda batch: distance(batch, images.from_images(list(itertools.islice(pending, len(batch))))),
            some,
            what,
        )

    def ranks(self, pictures: Sequence[Image.Image], asked: Sequence[EvalPrompt], what: str) -> list[int]:
        """How many wrong answers the referee gives before a right one."""
        pending = iter(question.right for question in asked)
        return self.over(
            lambda batch: self.referee.ranks(batch, list(itertools.islice(pending, len(batch)))),
            pictures,
            what,
        ).tolist()

    def features(self, pictures: Sequence[Image.Image], what: str) -> Tensor:
        """The referee's, (M, D)."""
        return self.over(self.referee.features, pictures, what)
