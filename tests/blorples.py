"""Five pictures of something that no model has seen, and a run's folder to learn it in."""

from pathlib import Path

from PIL import Image, ImageDraw

from dalle.data.folder.image_folder import import_images
from dalle.finetuning import plan
from dalle.pipeline.dalle import DALLE

CAPTION = "a blorple"


def blorples(home: Path, count: int = 5) -> Path:
    """Pictures of something that no model has seen."""
    home.mkdir(parents=True)
    for number in range(count):
        picture = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
        pen = ImageDraw.Draw(picture)
        pen.ellipse((4, 8, 42, 44), fill=(200, 30 + 20 * number, 60))
        pen.rectangle((14, 14, 24, 24 + number), fill=(20, 20, 200))
        picture.save(home / f"{number}.png")
    return home


def lay_out(run: Path, base: Path, pictures: Path, caption: str = CAPTION, **chosen: object) -> Path:
    """A run's folder, ready to train."""
    data = import_images(pictures, run / "data")
    data.recaptioned((name, caption) for name, _ in data.rows)
    small = {"steps": 6, "generator_steps": 3, "prior": 20, "precision": "fp32"}
    plan.make_plan(base, **(small | chosen)).save(run)
    return run


def checkpoint(run: Path) -> DALLE:
    (folder,) = run.glob("checkpoint-*")
    return DALLE.from_pretrained(folder)
