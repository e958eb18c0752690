"""HTTP API for edits: the actions of the Edit tab, for gradio_client or plain HTTP.

As in api.py: methods are named after their endpoints, and their docstrings are the page's documentation.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle import edits, images
from dalle.editing import animation, icon_files, inpainting
from dalle.editing.editor import NO_FILES, FilesByDigest
from dalle.edits import Edit, Inpaint
from dalle.recipe import Picture, Recipe
from dalle.serving.studio import Studio
from dalle.ui.edit.edit_form import files_of, interpolations_to
from dalle.ui.shared import links
from dalle.ui.shared.events import show_errors
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


class EditApi:
    """Adds the endpoints to the gr.Blocks that is being built.

    Files come through file components, which accept only uploads: a path in JSON could name any file of the
    server.
    """

    def __init__(self, studio: Studio):
        self._studio = studio
        self._picture, other, mask = (
            gr.File(visible=False, label=label) for label in ("picture", "other", "mask")
        )
        prompt, wanted = (gr.Textbox("", visible=False, label=label) for label in ("prompt", "wanted"))
        edit_list, recipe, description = (
            gr.JSON(visible=False, label=label) for label in ("edits", "recipe", "seen")
        )
        kind = gr.Textbox("webp", visible=False, label="kind")
        seed = gr.Number(0, precision=0, visible=False, label="seed")
        files, file = (gr.File(visible=False, label="made", file_count=n) for n in ("multiple", "single"))
        for endpoint, inputs, outputs in (
            (self.look, [self._picture, prompt], [description, file]),
            (self.edit, [self._picture, edit_list, prompt], files),
            (self.inpaint, [self._picture, mask, wanted, seed, prompt], file),
            (self.blend, [self._picture, other], files),
            (self.film, [self._picture, other, kind], file),
            (self.icons, [self._picture], file),
            (self.replay, [recipe, self._picture], file),
        ):
            self._picture.upload(
                endpoint, inputs, outputs, api_name=endpoint.__name__, concurrency_limit=None
            )

    def look(self, picture: str, prompt: str) -> tuple[dict[str, Any], str]:
        """Encode and decode a picture with the model.

        picture: a PNG, JPEG, WebP or GIF file. prompt: what it shows, unless it was drawn here.
        Returns a JSON object with its recipe ("recipe"), its caption ("shows"), the PSNR of the
        reconstruction in dB ("psnr") and the code of 20 numbers inferred from it ("code"); and the
        reconstruction as a PNG file.
        """
        with show_errors(Translator("en"), "edit_bad_file"):
            opened = self._open(picture, prompt)
            result = self._studio.reconstruct(opened)
            description = {
                "recipe": opened.recipe.to_dict(),
                "shows": edits.current_prompt(opened.recipe),
                "psnr": result.psnr,
                "code": list(result.code),
            }
            return description, self._png_file(result.picture)

    def edit(self, picture: str, todo: list[dict[str, Any]], prompt: str) -> list[str]:
        """Apply one or more edits of one kind to a picture, each to the picture itself.

        picture, prompt: as for look. todo: a list of edits as JSON objects, as a recipe has them:
        {"kind": "vary", "amount": 0.4, "seed": 7}, {"kind": "change", "prompt": "a green apple", "keep": 0.4,
        "guidance": 3}, {"kind": "change", "code": [20 numbers]}, {"kind": "extend", "left": 0.3, "top": 0,
        "side": 1, "prompt": "a field", "seed": 7}, {"kind": "enlarge", "factor": 4, "by": "lanczos"},
        {"kind": "cut-out"}.
        Returns a list of PNG files, one for each edit.
        """
        with show_errors(Translator("en"), "edit_failed"):
            if not isinstance(todo, list):
                raise ValueError("edits must be a list of JSON objects")
            results = self._apply(self._open(picture, prompt), [edits.from_dict(values) for values in todo])
            return [self._png_file(result) for result in results]

    def inpaint(self, picture: str, mask: str, wanted: str, seed: int, prompt: str) -> str:
        """Draw a part of a picture anew.

        picture, prompt: as for look. mask: an image that is opaque, or light, where to draw anew.
        wanted: what the whole picture shows afterwards. seed: the same seed gives the same picture.
        Returns a PNG file.
        """
        with show_errors(Translator("en"), "edit_failed"):
            opened = self._open(picture, prompt)
            area = inpainting.mask_from_image(images.read(mask, alpha=True), opened.recipe.size)
            (result,) = self._apply(opened, [Inpaint(edits.pack_mask(area), wanted, int(seed))])
            return self._png_file(result)

    def blend(self, picture: str, other: str) -> list[str]:
        """Interpolate from one picture to another.

        picture, other: as for look.
        Returns a list of 7 PNG files, both ends included.
        """
        with show_errors(Translator("en"), "edit_failed"):
            return [self._png_file(result) for result in self._interpolate(picture, other)]

    def film(self, picture: str, other: str, kind: str) -> str:
        """Interpolate from one picture to another and back, as an animation.

        picture, other: as for look. kind: gif, webp or, where the server has ffmpeg, mp4.
        Returns a file of that kind.
        """
        with show_errors(Translator("en"), "edit_failed"):
            animation.check_format(kind)
            frames = [result.image for result in self._interpolate(picture, other)]
            return self._save(animation.encode_animation(frames, kind), f"blend.{kind}")

    def icons(self, picture: str) -> str:
        """A picture at the usual sizes of icons; transparent parts stay transparent.

        picture: as for look.
        Returns a zip file of PNG files and a favicon.
        """
        with show_errors(Translator("en"), "edit_bad_file"):
            return self._save(icon_files.export_icons(images.read(picture, alpha=True)), "icons.zip")

    def replay(self, recipe: dict[str, Any], picture: str | None) -> str:
        """Draw the picture of a recipe with edits.

        recipe: as returned by restore. picture: the file that the recipe starts from, if it starts from one.
        Returns a PNG file.
        """
        with show_errors(Translator("en"), "link_bad"):
            adapted, _ = links.adapt_recipe(Recipe.from_dict(recipe), self._studio)
            files = {images.digest(picture): images.read(picture)} if picture else NO_FILES
            *_, last = self._studio.replay(adapted, files=files)
            return self._png_file(last.pictures[0])

    def _open(self, path: str, prompt: str) -> Picture:
        return self._studio.open_file(Path(path).read_bytes(), prompt)

    def _interpolate(self, picture: str, other: str) -> list[Picture]:
        start, end = self._open(picture, ""), EncodedPicture.encode(self._open(other, ""))
        return self._apply(start, interpolations_to(end.recipe), files_of(end))

    def _apply(
        self, picture: Picture, requested: Sequence[Edit], files: FilesByDigest = NO_FILES
    ) -> list[Picture]:
        *_, last = self._studio.edit(picture, requested, files=files)
        return last.pictures

    def _png_file(self, picture: Picture) -> str:
        encoded = EncodedPicture.encode(picture)
        return self._save(encoded.png, encoded.file_name)

    def _save(self, content: bytes, name: str) -> str:
        """Write a file that Gradio serves; -> its path."""
        return save_bytes_to_cache(content, name, self._picture.GRADIO_CACHE)
