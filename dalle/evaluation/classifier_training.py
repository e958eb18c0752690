"""Training of the IconClassifier: augmented icons, cross-entropy, and its accuracy on real icons.

One drawing style is held out, so that the accuracy on an unseen style is known.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import recolour
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import SceneWeights
from dalle.evaluation.classifier import INPUT_SIZE, STAGE_WIDTHS, IconClassifier
from dalle.evaluation.metrics import top_k_accuracy
from dalle.training.task import Task, TrainingSettings
from dalle.training.trainer import Trainer

CLASSIFIER_DEFAULTS: dict[str, Any] = {
    "batch": 128,
    "learning_rate": 3e-3,
    "muon_learning_rate": 8e-3,
    "ema_decay": 0.998,
}

HELD_OUT_STYLE = "fxemoji"  # the style with the fewest icons

RECOLOURED_SHARE = 0.25  # of the training icons are painted in a named colour

LABEL_SMOOTHING = 0.1  # some icons of different classes look alike (label smoothing: arXiv:1512.00567)


def class_names(emoji: EmojiSet) -> list[str]:
    """The distinct `Concept.canonical` of all concepts, in the order of the set."""
    return list(dict.fromkeys(concept.canonical for concept in emoji.concepts))


class IconDataset(Dataset):
    """Augmented icons (size, size, 3) uint8 with their class index; item i depends on (composer, i) alone."""

    def __init__(self, composer: Composer, size: int) -> None:
        """`composer` must give scenes of one object; it chooses the icon, its colour and its flip."""
        self.composer, self.size = composer, size
        self.class_index = {name: index for index, name in enumerate(class_names(composer.emoji))}

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        (item,), emoji = self.composer.scene(index).objects, self.composer.emoji
        pixels = emoji.pixels[item.icon][:, :: -1 if item.flipped else 1]
        if item.colour is not None:
            pixels = recolour(pixels, item.colour)
        rng = np.random.Generator(np.random.PCG64([self.composer.seed, index, 1]))
        picture = _distort(_place_icon(Image.fromarray(pixels), self.size, rng), rng)
        return np.asarray(picture), self.class_index[emoji.concepts[emoji.icons[item.icon].concept].canonical]

    def __len__(self) -> int:
        return 2**31


def _place_icon(icon: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Paste an RGBA icon, scaled and rotated, on a plain (size, size) background; occlude one in four."""
    side, stretch = size * np.exp(rng.uniform(np.log(0.45), np.log(1.2))), np.exp(rng.normal(0, 0.08))
    icon = icon.resize((round(side * stretch), round(side / stretch)), Image.Resampling.BICUBIC)
    icon = icon.rotate(rng.normal(0, 8), Image.Resampling.BICUBIC, expand=True)
    picture = Image.new("RGB", (size, size), "white" if rng.random() < 0.4 else _random_colour(rng))
    # An icon larger than the picture has a negative range of offsets, and is cropped on both sides.
    left, top = (round((size - extent) * rng.random()) for extent in icon.size)
    picture.paste(icon, (left, top), icon)
    if rng.random() < 0.25:
        width, height = (round(extent) for extent in rng.uniform(0.1, 0.35, 2) * size)
        left, top = (round(offset) for offset in rng.random(2) * size)
        picture.paste(_random_colour(rng), (left, top, left + width, top + height))
    return picture


def _distort(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change brightness, contrast and saturation, and reduce the sharpness."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = enhancer(picture).enhance(np.exp(rng.normal(0, 0.12)))
    if rng.random() < 0.5:  # low resolution, as of a small object whose crop was enlarged
        coarse = round(picture.width * rng.uniform(0.3, 0.9))
        picture = picture.resize((coarse, coarse), Image.Resampling.BILINEAR).resize(picture.size)
    if rng.random() < 0.3:
        radius = rng.uniform(0.3, 1.2) * picture.width / INPUT_SIZE
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
    return picture


def _random_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


class ClassifierTask(Task):
    """Cross-entropy with label smoothing."""

    def __init__(self, classifier: IconClassifier, dataset: IconDataset) -> None:
        super().__init__()
        # The attribute's name is part of the tensors' names in a run's state.
        self.referee = classifier.to(memory_format=torch.channels_last).requires_grad_(True)
        self.dataset = dataset

    def collate(self, items: list[tuple[np.ndarray, int]]) -> tuple[Tensor, Tensor]:
        """-> pictures (B, 3, S, S) in [-1, 1], class indices (B,)."""
        pixels, labels = zip(*items, strict=True)
        return images.from_arrays(np.stack(pixels)), torch.tensor(labels)

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """-> the loss, and the accuracy on the batch under the metric name "named"."""
        pictures, labels = batch
        logits = self.referee(pictures).float()
        accuracy = (logits.argmax(-1) == labels).float().mean()
        return F.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING), {"named": accuracy}

    def sample_grid(self) -> Image.Image:
        """32 augmented icons with their predicted classes as captions."""
        pictures, _ = self.collate([self.dataset[i] for i in range(32)])
        best = self.referee.classify(pictures).argmax(-1).tolist()
        return images.grid(images.to_images(pictures), 8, [self.referee.classes[i] for i in best])


def train_classifier(
    emoji: EmojiSet,
    folder: Path,
    steps: int,
    *,
    held_out_style: str = HELD_OUT_STYLE,
    size: int = INPUT_SIZE,
    widths: Sequence[int] = STAGE_WIDTHS,
    seed: int = 0,
    **settings: Any,
) -> IconClassifier | None:
    """Train a classifier in `folder`, or resume the run there; returns it with its metrics.

    `settings` are fields of TrainingSettings. Of several processes only the main one writes and returns it,
    the others return None. Raises ValueError if the set lacks `held_out_style`, or has no other style.
    """
    if not {icon.style for icon in emoji.icons} > {held_out_style}:
        raise ValueError(
            f"the emoji set must have the style {held_out_style!r}, to keep from the referee, and others"
        )
    torch.manual_seed(seed)
    kinds = {"single": 1 - RECOLOURED_SHARE, "colour": RECOLOURED_SHARE}
    weights = SceneWeights(kinds=kinds, groups={}, styles={held_out_style: 0})
    task = ClassifierTask(
        IconClassifier(class_names(emoji), size, widths),
        IconDataset(Composer(emoji, seed, size=size, weights=weights), size),
    )
    chosen = TrainingSettings(steps=steps, seed=seed, **(CLASSIFIER_DEFAULTS | settings))
    trainer = Trainer(task, chosen, folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.ema_weights():
        classifier = task.referee.eval()
        with torch.no_grad():
            for parameter in classifier.parameters():  # measured with the precision of its file
                parameter.copy_(parameter.bfloat16())
        classifier.data = emoji.digest[:12]
        classifier.metrics = measure_accuracy(classifier, emoji, held_out_style)
        classifier.save(folder)
    return IconClassifier.load(folder)


def measure_accuracy(
    classifier: IconClassifier, emoji: EmojiSet, held_out_style: str
) -> dict[str, float | str]:
    """Top-1 and top-5 accuracy on real icons on white: of the trained styles, and of the held-out one."""
    composer, ranks = Composer(emoji, size=emoji.size), []
    for start in tqdm(range(0, len(emoji.icons), 64), desc="accuracy"):
        batch = range(start, min(start + 64, len(emoji.icons)))
        pictures = images.from_arrays([composer.renderer.render_icon(icon) for icon in batch])
        targets = [{emoji.concepts[emoji.icons[icon].concept].canonical} for icon in batch]
        ranks += classifier.target_ranks(pictures, targets).tolist()
    metrics: dict[str, float | str] = {"unseen_style": held_out_style}
    for name, held_out in (("seen", False), ("unseen", True)):
        chosen = [
            rank
            for rank, icon in zip(ranks, emoji.icons, strict=True)
            if (icon.style == held_out_style) == held_out
        ]
        metrics |= top_k_accuracy(chosen, f"{name}_")
    return metrics
