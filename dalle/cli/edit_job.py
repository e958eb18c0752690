"""Runs one `python -m dalle edit` command: reads the pictures, applies the edit, writes the results."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dalle import images, runtime
from dalle.editing import animation, icon_files, inpainting
from dalle.editing.editor import NO_FILES, Editor, FilesByDigest
from dalle.edits import (
    Edit,
    Inpaint,
    Interpolate,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    outpaint_towards,
    pack_mask,
    required_files,
)
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.sampler import MAX_BATCH, run
from dalle.recipe import Picture, Recipe, check_text, load_png, save_png


class EditJob:
    """One public method for each tool of edit_commands.TOOLS, named as the tool.

    Raises ValueError or OSError for wrong options, unreadable pictures and failed writes.
    """

    def __init__(self, options: argparse.Namespace):
        for text in (options.shows, getattr(options, "wanted", "")):
            check_text("prompt", text)
        pipeline = DALLE.from_pretrained(options.checkpoint, runtime.inference_dtype())
        self.editor = Editor(pipeline.make_sampler(), pipeline.upscaler)
        self.options = options

    def run(self) -> None:
        """Run the tool of the options; prints the path of every file that it writes."""
        self.options.output.mkdir(parents=True, exist_ok=True)
        getattr(self, self.options.tool)()

    def look(self) -> None:
        picture = self._picture()
        seen = run(self.editor.reconstruct(picture))
        self._save([seen.picture])
        print(f"{seen.psnr:.2f} dB")

    def vary(self) -> None:
        self._edit([Variation(self.options.amount, seed) for seed in self._seeds()])

    def words(self) -> None:
        self._edit([PromptEdit(self.options.wanted, None, self.options.keep, Recipe.guidance)])

    def restyle(self) -> None:
        code = run(self.editor.transfer_code(self._picture(), self._open(self.options.other)))
        rounded = tuple(round(value, 3) for value in code)
        self._edit([PromptEdit(None, rounded, self.options.keep, Recipe.guidance)])

    def paint(self) -> None:
        size = self.editor.model.config.image_size
        mask = pack_mask(inpainting.mask_from_image(images.read(self.options.mask, alpha=True), size))
        self._edit([Inpaint(mask, self.options.wanted, seed) for seed in self._seeds()])

    def extend(self) -> None:
        side, room, wanted = self.options.side, self.options.room, self.options.wanted
        self._edit([outpaint_towards(side, room, wanted, seed) for seed in self._seeds()])

    def blend(self) -> None:
        self._check_count(2)  # both ends count
        animation.check_format(self.options.film)  # fail before the pictures are drawn, not after
        other, last = self._open(self.options.other), self.options.count - 1
        way = [Interpolate(other.recipe.to_dict(), round(at / last, 3)) for at in range(last + 1)]
        made = self._edit(way, dict.fromkeys(required_files(other.recipe), other.image))
        shown = animation.encode_animation([picture.image for picture in made], self.options.film)
        self._write(f"blend.{self.options.film}", shown)

    def enlarge(self) -> None:
        self._edit([Upscale(self.options.factor, self.editor.upscaler_id)])

    def cut(self) -> None:
        (made,) = self._edit([RemoveBackground()])
        self._write("icons.zip", icon_files.export_icons(made.image))

    def replay(self) -> None:
        file = self.options.file
        given = {images.digest(file): images.read(file)} if file else NO_FILES
        self._save([run(self.editor.replay(load_png(self.options.picture), given))])

    def _open(self, path: Path, shows: str = "") -> Picture:
        return run(self.editor.open_file(path.read_bytes(), shows))

    def _picture(self) -> Picture:
        return self._open(self.options.picture, self.options.shows)

    def _seeds(self) -> range:
        self._check_count(1)
        return range(self.options.seed, self.options.seed + self.options.count)

    def _check_count(self, least: int) -> None:
        if not least <= self.options.count <= MAX_BATCH:
            raise ValueError(f"--count must be from {least} to {MAX_BATCH}; got {self.options.count}")

    def _edit(self, edits: Sequence[Edit], given: FilesByDigest = NO_FILES) -> list[Picture]:
        made = run(self.editor.apply(self._picture(), edits, given))
        self._save(made)
        return made

    def _save(self, pictures: Sequence[Picture]) -> None:
        for number, picture in enumerate(pictures, 1):
            path = self._path(f"{self.options.tool}-{number}.png")
            save_png(picture, path)
            print(path)

    def _write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        path.write_bytes(content)
        print(path)

    def _path(self, name: str) -> Path:
        return self.options.output / f"{self.options.picture.stem}-{name}"
