"""What programs may call to edit pictures, by gradio_client or plain HTTP; beside api.py, in its manner."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache

from dalle import edits, images
from dalle.editing import animation, icon_files, inpainting
from dalle.edits import Inpaint, Interpolate
from dalle.recipe import Picture, Recipe
from dalle.serving.studio import Studio
from dalle.ui.edit.tools import STRIP, files
from dalle.ui.shared import links
from dalle.ui.shared.events import show_errors
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class EditApi:
    """Registers the endpoints on the page that is being built.

    Files come through components, which take only what was uploaded: a path in JSON could name any file.
    """

    def __init__(self, studio: Studio):
        self._studio = studio
        self._picture, other, mask = (
            gr.File(visible=False, label=name) for name in ("picture", "other", "mask")
        )
        prompt, wanted = (gr.Textbox("", visible=False, label=name) for name in ("prompt", "wanted"))
        todo, recipe, seen = (gr.JSON(visible=False, label=name) for name in ("edits", "recipe", "seen"))
        kind = gr.Textbox("webp", visible=False, label="kind")
        seed = gr.Number(0, precision=0, visible=False, label="seed")
        made, one = (gr.File(visible=False, label="made", file_count=n) for n in ("multiple", "single"))
        for endpoint, inputs, outputs in (
            (self.look, [self._picture, prompt], [seen, one]),
            (self.edit, [self._picture, todo, prompt], made),
            (self.inpaint, [self._picture, mask, wanted, seed, prompt], one),
            (self.blend, [self._picture, other], made),
            (self.film, [self._picture, other, kind], one),
            (self.icons, [self._picture], one),
            (self.replay, [recipe, self._picture], one),
        ):
            self._picture.upload(
                endpoint, inputs, outputs, api_name=endpoint.__name__, concurrency_limit=None
            )

    def look(self, picture: str, prompt: str) -> tuple[dict[str, Any], str]:
        """Bring a picture in.

        picture: any PNG, JPEG, WebP or GIF file. prompt: what it shows, unless it was made here.
        Gives its recipe, what it shows, the PSNR in dB of the picture as the model sees it and the code of 20
        numbers that it reads; and that picture as a file.
        """
        with show_errors(Translator("en"), "edit_bad_file"):
            opened = self._open(picture, prompt)
            seen = self._studio.reconstruct(opened)
            said = {"recipe": opened.recipe.to_dict(), "shows": edits.current_prompt(opened.recipe)}
            return said | {"psnr": seen.psnr, "code": list(seen.code)}, self._file(seen.picture)

    def edit(self, picture: str, todo: list[dict[str, Any]], prompt: str) -> list[str]:
        """Edit a picture in one way, once for each of several settings of it.

        picture, prompt: as for look. edits: JSON objects of one kind, as a recipe has them:
        {"kind": "vary", "amount": 0.4, "seed": 7}, {"kind": "change", "prompt": "a green apple", "keep": 0.4,
        "guidance": 3}, {"kind": "change", "code": [20 numbers]}, {"kind": "extend", "left": 0.3, "top": 0,
        "side": 1, "prompt": "a field", "seed": 7}, {"kind": "enlarge", "factor": 4, "by": "lanczos"},
        {"kind": "cut-out"}.
        Gives a list of PNG files.
        """
        with show_errors(Translator("en"), "edit_failed"):
            if not isinstance(todo, list):
                raise ValueError("edits must be a list of JSON objects")
            made = self._made(self._open(picture, prompt), [edits.from_dict(values) for values in todo])
            return [self._file(each) for each in made]

    def inpaint(self, picture: str, mask: str, wanted: str, seed: int, prompt: str) -> str:
        """Redraw a part of a picture.

        picture, prompt: as for look. mask: a picture that is opaque, or light, where to redraw.
        wanted: what the whole picture shows then. seed: the same gives the same.
        Gives a PNG file.
        """
        with show_errors(Translator("en"), "edit_failed"):
            opened = self._open(picture, prompt)
            area = inpainting.mask_from_image(images.read(mask, alpha=True), opened.recipe.size)
            (made,) = self._made(opened, [Inpaint(edits.pack_mask(area), wanted, int(seed))])
            return self._file(made)

    def blend(self, picture: str, other: str) -> list[str]:
        """The way from one picture to another.

        picture, other: as for look.
        Gives a list of PNG files, both ends included.
        """
        with show_errors(Translator("en"), "edit_failed"):
            return [self._file(each) for each in self._way(picture, other)]

    def film(self, picture: str, other: str, kind: str) -> str:
        """The way from one picture to another and back, as an animation.

        picture, other: as for look. kind: gif, webp or, where the server has ffmpeg, mp4.
        Gives a file of that kind.
        """
        with show_errors(Translator("en"), "edit_failed"):
            animation.check_format(kind)
            made = animation.encode_animation([each.image for each in self._way(picture, other)], kind)
            return self._saved(made, f"blend.{kind}")

    def icons(self, picture: str) -> str:
        """A picture at the sizes that icons have, transparent where it is cut out.

        picture: as for look.
        Gives a zip file of PNG files and a favicon.
        """
        with show_errors(Translator("en"), "edit_bad_file"):
            return self._saved(icon_files.export_icons(images.read(picture, alpha=True)), "icons.zip")

    def replay(self, recipe: dict[str, Any], picture: str | None) -> str:
        """Make the picture of a recipe with edits.

        recipe: as restore gives it. picture: the file that it began as, where it did.
        Gives a PNG file.
        """
        with show_errors(Translator("en"), "link_bad"):
            fitted, _ = links.adapt_recipe(Recipe.from_dict(recipe), self._studio)
            given = {images.digest(picture): images.read(picture)} if picture else {}
            *_, last = self._studio.replay(fitted, files=given)
            return self._file(last.pictures[0])

    def _open(self, path: str, prompt: str) -> Picture:
        return self._studio.open_file(Path(path).read_bytes(), prompt)

    def _way(self, picture: str, other: str) -> list[Picture]:
        first, second = self._open(picture, ""), EncodedPicture.encode(self._open(other, ""))
        weights = np.linspace(0, 1, STRIP).round(3).tolist()
        way = [Interpolate(second.recipe.to_dict(), weight) for weight in weights]
        return self._made(first, way, files(second))

    def _made(
        self, picture: Picture, todo: list[edits.Edit], given: dict[str, Any] | None = None
    ) -> list[Picture]:
        *_, last = self._studio.edit(picture, todo, files=given or {})
        return last.pictures

    def _file(self, picture: Picture) -> str:
        tile = EncodedPicture.encode(picture)
        return self._saved(tile.png, tile.file_name)

    def _saved(self, content: bytes, name: str) -> str:
        return save_bytes_to_cache(content, name, self._picture.GRADIO_CACHE)
