"""Evaluator: a checkpoint, the classifier that grades it and their data; draws and scores images in bulk."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.composer import Composer
from dalle.evaluation import detector, eval_prompts
from dalle.evaluation.classifier import IconClassifier
from dalle.evaluation.detector import Detection
from dalle.evaluation.eval_prompts import EvalPrompt, IconPrompt
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe

STYLED_CONCEPTS, SEEDS_PER_CONCEPT = 500, 2  # of `styled_samples`
EVAL_BATCH = 32

Pictures = Sequence[Image.Image]


@dataclass(frozen=True)
class Evaluator:
    """What the parts of an evaluation need. Progress bars show the `description` of each call."""

    pipeline: DALLE
    classifier: IconClassifier | None  # None: for parts that need no grading
    composer: Composer  # its emoji set is the one that the checkpoint was trained on
    folder: Path  # sample grids are written here

    @property
    def emoji(self) -> EmojiSet:
        return self.composer.emoji

    @cached_property
    def class_of(self) -> dict[str, str]:
        """Slug of a concept -> its class."""
        return {concept.slug: concept.canonical for concept in self.emoji.concepts}

    def require_classifier(self) -> IconClassifier:
        """The classifier; raises ValueError if there is none."""
        if self.classifier is None:
            raise ValueError("this part of an evaluation needs a classifier")
        return self.classifier

    # --- images

    def draw_prompts(
        self, prompts: Sequence[EvalPrompt], description: str, variety: str = Recipe.variety
    ) -> list[Image.Image]:
        """An image of each prompt, with the default settings but for the variety."""
        recipes = [Recipe(each.text, seed=each.seed, variety=variety) for each in prompts]
        return self.draw_recipes(recipes, description)

    def draw_recipes(self, recipes: Sequence[Recipe], description: str) -> list[Image.Image]:
        batches = _batches(len(recipes), f"{description}: drawing")
        return [picture.image for batch in batches for picture in self.pipeline.draw(recipes[batch])]

    @cached_property
    def styled_samples(self) -> tuple[list[IconPrompt], list[Image.Image]]:
        """STYLED_CONCEPTS concepts with a style in the prompt, and their images; two parts share them."""
        prompts = eval_prompts.style_prompts(self.emoji, STYLED_CONCEPTS, SEEDS_PER_CONCEPT)
        return prompts, self.draw_prompts(prompts, "styles")

    def render_icons(self, icons: Sequence[int]) -> list[Image.Image]:
        """Icons, by their indices in the emoji set, on white at the size of the model's images."""
        return [Image.fromarray(self.composer.renderer.render_icon(icon)) for icon in icons]

    def reconstruct(self, pictures: Pictures) -> list[Image.Image]:
        """Encode and decode images by the FeatureExtractor and the Generator, without the flow."""
        model = self.pipeline.model
        features = self.map_batches(model.extract, pictures, "reconstructing")
        with torch.inference_mode():
            batches = [images.to_images(model.render(batch)) for batch in features.split(EVAL_BATCH)]
        return list(itertools.chain.from_iterable(batches))

    def save_grid(self, name: str, pictures: Pictures, captions: Sequence[str], columns: int = 8) -> None:
        """Write a grid of images with captions to NAME.png in the folder; nothing for no images."""
        if pictures:
            images.grid(pictures, columns, captions).save(self.folder / f"{name}.png")

    # --- scores

    @torch.inference_mode()
    def map_batches(
        self, function: Callable[[Tensor], Tensor], pictures: Pictures, description: str
    ) -> Tensor:
        """Concatenated function((B, 3, S, S) in [-1, 1]) over batches of the images."""
        batches = _batches(len(pictures), description)
        return torch.cat([function(images.from_images(pictures[batch])) for batch in batches])

    @torch.inference_mode()
    def paired_distance(
        self,
        distance: Callable[[Tensor, Tensor], Tensor],
        first: Pictures,
        second: Pictures,
        description: str,
    ) -> Tensor:
        """distance((B, 3, S, S), (B, 3, S, S)) -> (B,) of images pair by pair: (M,)."""
        batches = _batches(len(first), description)
        return torch.cat(
            [distance(images.from_images(first[b]), images.from_images(second[b])) for b in batches]
        )

    @torch.inference_mode()
    def target_ranks(self, pictures: Pictures, prompts: Sequence[EvalPrompt], description: str) -> list[int]:
        """Rank of the best target class of each image's prompt, from 0 (IconClassifier.target_ranks)."""
        classifier, ranks = self.require_classifier(), []
        for batch in _batches(len(pictures), description):
            targets = [each.targets for each in prompts[batch]]
            ranks += classifier.target_ranks(images.from_images(pictures[batch]), targets).tolist()
        return ranks

    def extract_features(self, pictures: Pictures, description: str) -> Tensor:
        """Features (M, D) of the classifier."""
        return self.map_batches(self.require_classifier().features, pictures, description)

    def detect(self, pixels: np.ndarray) -> list[Detection]:
        """The objects of an image (S, S, 3) uint8."""
        classifier = self.require_classifier()
        return detector.detect(pixels, classifier.classify, classifier.classes)


def _batches(count: int, description: str) -> Iterator[slice]:
    """Slices of EVAL_BATCH items, with a progress bar."""
    for start in tqdm(range(0, count, EVAL_BATCH), desc=description):
        yield slice(start, start + EVAL_BATCH)
