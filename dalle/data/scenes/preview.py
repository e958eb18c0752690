"""A contact sheet of scenes, to look at what training sees."""

from PIL import Image

from dalle import images
from dalle.data.scenes.composer import Composer


def contact_sheet(composer: Composer, count: int = 100, columns: int = 10) -> Image.Image:
    """The first scenes above their captions, or above a label where the font lacks the caption's letters."""
    scenes = [composer.scene(index) for index in range(count)]
    pictures = [Image.fromarray(composer.renderer.render(scene)) for scene in scenes]
    icons, concepts = composer.emoji.icons, composer.emoji.concepts
    labels = [concepts[icons[scene.objects[0].icon].concept].labels["en"] for scene in scenes]
    captions = [
        scene.caption if scene.caption.isascii() else f"({label})"
        for scene, label in zip(scenes, labels, strict=True)
    ]
    return images.grid(pictures, columns, captions)
