"""Referee: names what a picture shows; it grades checkpoints, teaches none and is a part of none.

    pictures (B, 3, H, W) in [-1, 1], any size  -->  probabilities (B, K) of K answers

Trained from nothing on the icons, each on a background of any colour, of any size, turned, partly hidden,
blurred and in other light, as drawn or painted in a named colour. One drawing style is kept from it, so that
it can say how well it reads drawings of a style that it never saw. An answer is a concept, except that those
which share `Concept.base`, as a role's man and woman, are one: at this size hardly a person tells them apart.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from tqdm import tqdm

from dalle import images
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.colours import recolour
from dalle.data.scenes.composer import Composer, Mix
from dalle.networks.layers import ResidualBlock
from dalle.training.trainer import Settings, Trainer

DEFAULT_FOLDER, WEIGHTS = Path("checkpoints/referee"), "referee.safetensors"
COMMAND = "python -m dalle train referee --output runs/referee --steps 1500 --decay 0.55"
DEFAULTS = {"batch": 128, "learning_rate": 3e-3, "muon": 8e-3, "average": 0.998}

SIZE = 96  # pixels a side that it reads
WIDTHS = (64, 128, 256, 384)  # channels at 1/4, 1/8, 1/16 and 1/32 of that side
UNSEEN = "fxemoji"  # the style kept from it: the one with the fewest icons
PAINTED = 0.25  # share of the icons painted in a named colour
SMOOTHING = 0.1  # of the labels: some icons look alike, so that no answer deserves certainty (1512.00567)


class Referee(nn.Module):
    """A small residual network of its own kind."""

    def __init__(self, answers: Sequence[str], size: int = SIZE, widths: Sequence[int] = WIDTHS):
        super().__init__()
        self.answers, self.size, self.widths = tuple(answers), size, tuple(widths)
        self.data, self.digest, self.figures = "", "", {}  # known once it is trained
        first = widths[0] // 2
        self.stem = nn.Sequential(nn.Conv2d(3, first, 5, stride=2, padding=2), nn.SiLU())
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, out, 3, stride=2, padding=1), *(ResidualBlock(out) for _ in range(blocks))
            )
            for width, out, blocks in zip((first, *widths), widths, (1, 2, 2, 1), strict=False)
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.answer = nn.Linear(widths[-1], len(self.answers))
        self.number = {answer: number for number, answer in enumerate(self.answers)}

    def depths(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> activations (B, C, H, W) after each stage."""
        if pictures.shape[-2:] != (self.size, self.size):
            size = (self.size, self.size)
            pictures = F.interpolate(pictures, size=size, mode="bilinear", antialias=True)
        x, found = self.stem(pictures.contiguous(memory_format=torch.channels_last)), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def features(self, pictures: Tensor) -> Tensor:
        """What the answer is read from: (B, 3, H, W) -> (B, D)."""
        return F.silu(self.norm(self.depths(pictures)[-1])).mean((2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> scores (B, K), not normalised."""
        return self.answer(self.features(pictures))

    @torch.inference_mode()
    def name(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> probabilities (B, K)."""
        return self(pictures).float().softmax(-1)

    def ranks(self, pictures: Tensor, right: Sequence[Collection[str]]) -> Tensor:
        """How many wrong answers stand before or level with the best right one: (B, 3, H, W) -> (B,)."""
        probabilities = self.name(pictures)
        is_right = torch.zeros_like(probabilities, dtype=torch.bool)
        for row, answers in enumerate(right):
            is_right[row, [self.number[answer] for answer in answers]] = True
        best = probabilities.masked_fill(~is_right, -1).amax(1, keepdim=True)
        return ((probabilities >= best) & ~is_right).sum(1)

    @torch.inference_mode()
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Perceptual distance of pictures (B, 3, H, W) -> (B,): of normalised activations at every depth.

        LPIPS (arXiv:1801.03924) without its learnt weights; 0 where pictures are equal.
        """
        gaps = [
            (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square().sum(1).mean((1, 2))
            for x, y in zip(self.depths(a), self.depths(b), strict=True)
        ]
        return torch.stack(gaps).mean(0)

    # --- files

    @classmethod
    def load(cls, folder: Path = DEFAULT_FOLDER) -> "Referee":
        """Raises FileNotFoundError where none was trained, ValueError where its file is damaged."""
        path = Path(folder) / WEIGHTS
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: train a referee by `{COMMAND}` and copy it there")
        try:
            with safetensors.safe_open(path, "pt") as file:
                header = json.loads(file.metadata()["referee"])
            referee = cls(header["answers"], header["size"], header["widths"])
            state = safetensors.torch.load_file(path)
            referee.load_state_dict({name: tensor.float() for name, tensor in state.items()})
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{path} is no referee of this version ({error}); train it again") from error
        referee.data, referee.figures = header["data"], header["figures"]
        referee.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return referee.eval().requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write it in bf16."""
        header = {name: getattr(self, name) for name in ("answers", "size", "widths", "data", "figures")}
        state = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in self.state_dict().items()}
        # One entry: of several, safetensors would write any first, and the digest would differ.
        safetensors.torch.save_file(state, folder / WEIGHTS, {"referee": json.dumps(header)})


def answers_of(emoji: EmojiSet) -> list[str]:
    """Every answer there is: the slugs that concepts have as their base, in the set's order."""
    return list(dict.fromkeys(concept.base for concept in emoji.concepts))


# --- training


class Icons(Dataset):
    """Icons as a judge may meet them, each with its answer; sample i is a pure function of (composer, i)."""

    def __init__(self, composer: Composer, size: int):
        self.composer, self.size = composer, size
        self.number = {answer: number for number, answer in enumerate(answers_of(composer.emoji))}

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


class RefereeTask(nn.Module):
    """Naming icons, by cross-entropy."""

    def __init__(self, referee: Referee, dataset: Icons):
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
    unseen: str = UNSEEN,
    size: int = SIZE,
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
    **settings: object,
) -> Referee | None:
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
    mix = Mix(kinds=kinds, groups={}, styles={unseen: 0})
    task = RefereeTask(
        Referee(answers_of(emoji), size, widths), Icons(Composer(emoji, seed, size=size, mix=mix), size)
    )
    trainer = Trainer(task, Settings(steps=steps, seed=seed, **(DEFAULTS | settings)), folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.averaged():
        referee = task.referee.eval()
        with torch.no_grad():
            for parameter in referee.parameters():
                parameter.copy_(parameter.bfloat16())  # as its file holds it, and as it is measured
        referee.data = emoji.digest[:12]
        referee.figures = own_figures(referee, emoji, unseen)
        referee.save(folder)
    return Referee.load(folder)


def own_figures(referee: Referee, emoji: EmojiSet, unseen: str) -> dict[str, float | str]:
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
