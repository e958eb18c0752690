"""One `python -m dalle edit` command: what is read, done and written."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dalle import images, runtime
from dalle.editing import animation, icon_files, inpainting
from dalle.editing.editor import NO_FILES, Editor, Files
from dalle.edits import (
    Edit,
    Inpaint,
    Interpolate,
    PromptEdit,
    RemoveBackground,
    Upscale,
    Variation,
    extended,
    files,
    pack_mask,
)
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.batches import run
from dalle.pipeline.dalle import DALLE, MAX_BATCH
from dalle.pipeline.sampler import Sampler
from dalle.recipe import Picture, Recipe, load_png, save_png


class EditJob:
    """A method for each tool of cli_edit.TOOLS; `options` are that command's."""

    def __init__(self, options: argparse.Namespace):
        dtype = runtime.inference_dtype()
        model = DALLE.from_pretrained(options.checkpoint, dtype)
        self.editor = Editor(Sampler(model), Upscaler.load(options.checkpoint, dtype))
        self.options = options

    def run(self) -> None:
        """Prints the paths of what it writes. Raises ValueError, OSError."""
        self.options.output.mkdir(parents=True, exist_ok=True)
        getattr(self, self.options.tool)()

    def look(self) -> None:
        picture = self._picture()
        seen = run(self.editor.seen(picture))
        self._save([seen.again])
        print(f"{seen.psnr:.2f} dB")

    def vary(self) -> None:
        self._edit([Variation(self.options.amount, seed) for seed in self._seeds()])

    def words(self) -> None:
        self._edit([PromptEdit(self.options.wanted, None, self.options.keep, Recipe.guidance)])

    def restyle(self) -> None:
        code = tuple(round(value, 3) for value in self.editor.code(self._open(self.options.other)))
        self._edit([PromptEdit(None, code, self.options.keep, Recipe.guidance)])

    def paint(self) -> None:
        size = self.editor.model.config.image_size
        mask = pack_mask(inpainting.mask_of(images.read(self.options.mask, alpha=True), size))
        self._edit([Inpaint(mask, self.options.wanted, seed) for seed in self._seeds()])

    def extend(self) -> None:
        side, room, wanted = self.options.side, self.options.room, self.options.wanted
        self._edit([extended(side, room, wanted, seed) for seed in self._seeds()])

    def blend(self) -> None:
        self._check_count(2)  # both ends
        animation.check(self.options.film)  # before a minute's work, not after it
        other, last = self._open(self.options.other), self.options.count - 1
        way = [Interpolate(other.recipe.to_dict(), round(at / last, 3)) for at in range(last + 1)]
        made = self._edit(way, dict.fromkeys(files(other.recipe), other.image))
        shown = animation.encode_animation([picture.image for picture in made], self.options.film)
        self._write(f"blend.{self.options.film}", shown)

    def enlarge(self) -> None:
        self._edit([Upscale(self.options.factor, self.editor.enlarged_by)])

    def cut(self) -> None:
        (made,) = self._edit([RemoveBackground()])
        self._write("icons.zip", icon_files.export(made.image))

    def replay(self) -> None:
        file = self.options.file
        given = {images.digest(file): images.read(file)} if file else NO_FILES
        self._save([run(self.editor.replayed(load_png(self.options.picture), given))])

    def _open(self, path: Path, shows: str = "") -> Picture:
        return run(self.editor.opened(path.read_bytes(), shows))

    def _picture(self) -> Picture:
        return self._open(self.options.picture, self.options.shows)

    def _seeds(self) -> range:
        self._check_count(1)
        return range(self.options.seed, self.options.seed + self.options.count)

    def _check_count(self, least: int) -> None:
        if not least <= self.options.count <= MAX_BATCH:
            raise ValueError(f"--count must be from {least} to {MAX_BATCH}; got {self.options.count}")

    def _edit(self, edits: Sequence[Edit], given: Files = NO_FILES) -> list[Picture]:
        made = run(self.editor.edited(self._picture(), edits, given))
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
