"""Its data set, augmentation (torchvision transforms v2) and training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import recolour
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene import SceneWeights
from dalle.evaluation.classifier import SIZE, WIDTHS, IconClassifier
from dalle.training.trainer import Trainer, TrainingSettings

DEFAULTS = {"batch": 128, "learning_rate": 3e-3, "muon": 8e-3, "average": 0.998}

HELD_OUT_STYLE = "fxemoji"  # the style kept from it: the one with the fewest icons

PAINTED = 0.25  # share of the icons painted in a named colour

SMOOTHING = 0.1  # of the labels: some icons look alike, so that no answer deserves certainty (1512.00567)


def class_names(emoji: EmojiSet) -> list[str]:
    """Every answer there is: the slugs that concepts have as their base, in the set's order."""
    return list(dict.fromkeys(concept.base for concept in emoji.concepts))


class Icons(Dataset):
    """Icons as a judge may meet them, each with its answer; sample i is a pure function of (composer, i)."""

    def __init__(self, composer: Composer, size: int):
        self.composer, self.size = composer, size
        self.number = {answer: number for number, answer in enumerate(class_names(composer.emoji))}

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        (thing,), emoji = self.composer.scene(index).things, self.composer.emoji
        pixels = emoji.pixels[thing.icon][:, :: -1 if thing.flip else 1]
        if thing.colour is not None:
            pixels = recolour(pixels, thing.colour)
        rng = np.random.Generator(np.random.PCG64([self.composer.seed, index, 1]))
        picture = _relit(_placed(Image.fromarray(pixels), self.size, rng), rng)
        return np.asarray(picture), self.number[emoji.concepts[emoji.icons[thing.icon].concept].base]

    def __len__(self) -> int:
        return 2**31


def _placed(icon: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """An icon (RGBA) somewhere in a square picture, and sometimes a patch before it."""
    side, stretch = size * np.exp(rng.uniform(np.log(0.45), np.log(1.2))), np.exp(rng.normal(0, 0.08))
    icon = icon.resize((round(side * stretch), round(side / stretch)), Image.Resampling.BICUBIC)
    icon = icon.rotate(rng.normal(0, 8), Image.Resampling.BICUBIC, expand=True)
    picture = Image.new("RGB", (size, size), "white" if rng.random() < 0.4 else _any_colour(rng))
    # Whatever juts out of the picture juts out on either side.
    picture.paste(icon, tuple(round((size - s) * rng.random()) for s in icon.size), icon)
    if rng.random() < 0.25:
        width, height = (round(s) for s in rng.uniform(0.1, 0.35, 2) * size)
        left, top = (round(s) for s in rng.random(2) * size)
        picture.paste(_any_colour(rng), (left, top, left + width, top + height))
    return picture


def _relit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture in other light and less sharp."""
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = kind(picture).enhance(np.exp(rng.normal(0, 0.12)))
    if rng.random() < 0.5:  # drawn from few pixels, as a small thing that is looked at closely
        coarse = round(picture.width * rng.uniform(0.3, 0.9))
        picture = picture.resize((coarse, coarse), Image.Resampling.BILINEAR).resize(picture.size)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2) * picture.width / SIZE))
    return picture


def _any_colour(rng: np.random.Generator) -> tuple[int, int, int]:
    return tuple(rng.integers(0, 256, 3).tolist())


class ClassifierTask(nn.Module):
    """Naming icons, by cross-entropy."""

    def __init__(self, referee: IconClassifier, dataset: Icons):
        super().__init__()
        self.referee = referee.to(memory_format=torch.channels_last).requires_grad_(True)
        self.dataset = dataset

    def collate(self, samples: list[tuple[np.ndarray, int]]) -> tuple[Tensor, Tensor]:
        """-> pictures (B, 3, S, S), answers (B,)."""
        pixels, answers = zip(*samples, strict=True)
        return images.from_arrays(np.stack(pixels)), torch.tensor(answers)

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, answers = batch
        scores = self.referee(pictures).float()
        named = (scores.argmax(-1) == answers).float().mean()
        return F.cross_entropy(scores, answers, label_smoothing=SMOOTHING), {"named": named}

    def sheet(self) -> Image.Image:
        """Pictures as it is trained on, under what it calls them."""
        pictures, _ = self.collate([self.dataset[i] for i in range(32)])
        best = self.referee.name(pictures).argmax(-1).tolist()
        return images.grid(images.to_images(pictures), 8, [self.referee.answers[i] for i in best])


def train(
    emoji: EmojiSet,
    folder: Path,
    steps: int,
    *,
    unseen: str = HELD_OUT_STYLE,
    size: int = SIZE,
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
    **settings: object,
) -> IconClassifier | None:
    """Train a referee in `folder`, or go on with it; -> the referee, with its own figures.

    `unseen` is the style kept from it; further settings are fields of `trainer.Settings`. Of several
    processes the main one writes it, and the others return None.
    """
    if not {icon.style for icon in emoji.icons} > {unseen}:
        raise ValueError(
            f"the emoji set must have the style {unseen!r}, to keep from the referee, and others"
        )
    torch.manual_seed(seed)
    kinds = {"single": 1 - PAINTED, "colour": PAINTED}
    mix = SceneWeights(kinds=kinds, groups={}, styles={unseen: 0})
    task = ClassifierTask(
        IconClassifier(class_names(emoji), size, widths),
        Icons(Composer(emoji, seed, size=size, mix=mix), size),
    )
    trainer = Trainer(task, TrainingSettings(steps=steps, seed=seed, **(DEFAULTS | settings)), folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.averaged():
        referee = task.referee.eval()
        with torch.no_grad():
            for parameter in referee.parameters():
                parameter.copy_(parameter.bfloat16())  # as its file holds it, and as it is measured
        referee.data = emoji.digest[:12]
        referee.figures = accuracy(referee, emoji, unseen)
        referee.save(folder)
    return IconClassifier.load(folder)


def accuracy(referee: IconClassifier, emoji: EmojiSet, unseen: str) -> dict[str, float | str]:
    """How many real icons it names, alone on white, of styles it was trained on and of the unseen one."""
    composer, ranks = Composer(emoji, size=emoji.size), []
    for start in tqdm(range(0, len(emoji.icons), 64), desc="referee's own figures"):
        icons = range(start, min(start + 64, len(emoji.icons)))
        pictures = images.from_arrays([composer.plain(icon) for icon in icons])
        ranks += referee.ranks(
            pictures, [{emoji.concepts[emoji.icons[i].concept].base} for i in icons]
        ).tolist()
    found: dict[str, float | str] = {"unseen_style": unseen}
    for which, is_unseen in (("seen", False), ("unseen", True)):
        of = [r for r, icon in zip(ranks, emoji.icons, strict=True) if (icon.style == unseen) == is_unseen]
        found |= {f"{which}_top{k}": sum(r < k for r in of) / len(of) for k in (1, 5)}
    return found
