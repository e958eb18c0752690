"""Quality figures of a checkpoint, and the sheets that a person looks at.

`python -m dalle evaluate` writes evaluation.json and the sheets into a folder; the same checkpoint and data
give the same figures.
"""

import json
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from dalle import images
from dalle.data.compose import Composer
from dalle.data.emoji import EmojiSet
from dalle.model import DALLE
from dalle.recipe import Recipe

UNTYPED = ("people & body", "symbols", "flags")  # groups that the sheet leaves out
SHEET_CONCEPTS = 200
SHEET_COLUMNS = 20


def evaluate(checkpoint: Path, data: Path, output: Path) -> dict[str, float | str]:
    """All figures; writes evaluation.json, concepts.png and reconstructions.png into `output`."""
    emoji, model = EmojiSet.load(data), DALLE.from_pretrained(checkpoint)
    composer = Composer(emoji, size=model.config.image_size)
    output.mkdir(parents=True, exist_ok=True)
    figures = {"checkpoint": model.digest, "data": emoji.digest[:12]}
    figures |= reconstruction(model, composer, output / "reconstructions.png")
    concept_sheet(model, emoji).save(output / "concepts.png")
    (output / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n")
    return figures


@torch.inference_mode()
def reconstruct(model: DALLE, pictures: torch.Tensor) -> torch.Tensor:
    """pictures (B, 3, S, S) through the FeatureExtractor and the Generator alone, clamped to [-1, 1]."""
    return model.generator(model.extractor(pictures))


def reconstruction(model: DALLE, composer: Composer, sheet: Path | None = None) -> dict[str, float]:
    """PSNR in dB on icons of concepts that the autoencoder never saw, each alone on white."""
    emoji = composer.emoji
    icons = [i for i, icon in enumerate(emoji.icons) if emoji.held_out(icon.concept)]
    decibels, shown = [], []
    for start in tqdm(range(0, len(icons), 32), desc="reconstruction"):
        batch = images.from_arrays([composer.plain(icon) for icon in icons[start : start + 32]])
        output = reconstruct(model, batch)
        decibels += images.psnr(output, batch).tolist()
        if start % 128 == 0:
            shown += images.to_images(torch.stack([batch[:4], output[:4]], 1).flatten(0, 1))
    if sheet is not None:
        images.grid(shown, columns=8).save(sheet)
    return {"psnr": sum(decibels) / len(decibels), "icons": len(icons)}


def common_concepts(emoji: EmojiSet, count: int) -> list[str]:
    """Labels of concepts drawn in most styles, spread evenly over the groups that people type."""
    styles = [0] * len(emoji.concepts)
    for icon in emoji.icons:
        styles[icon.concept] += 1
    wanted = [i for i, c in enumerate(emoji.concepts) if c.group not in UNTYPED]
    wanted = [i for i in wanted if styles[i] >= 4 and len(emoji.concepts[i].labels["en"].split()) <= 2]
    return [emoji.concepts[wanted[i * len(wanted) // count]].labels["en"] for i in range(count)]


def concept_sheet(model: DALLE, emoji: EmojiSet, seed: int = 7) -> Image.Image:
    """200 common concepts, one picture each, at one seed, under their names."""
    labels = common_concepts(emoji, SHEET_CONCEPTS)
    recipes = [Recipe(label, seed=seed) for label in labels]
    pictures = []
    for start in tqdm(range(0, len(recipes), 16), desc="concepts"):
        pictures += model.draw(recipes[start : start + 16])
    return images.grid([picture.image for picture in pictures], SHEET_COLUMNS, labels)
