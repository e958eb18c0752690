"""Building the set of sprites: packages --name, measure, select, draw--> a folder that SpriteSet can load.

Everything is done one source at a time and kept in a hidden folder beside the set until it is complete, so a
build that was stopped goes on where it was. The same packages and the same code give the same bytes.
"""

import multiprocessing
import shutil
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dalle.data.emoji.names import EmojiNames, read_json
from dalle.data.sprites.brands import LOGO_PACKAGES, Brands
from dalle.data.sprites.concepts import concepts
from dalle.data.sprites.measure_cache import measured
from dalle.data.sprites.naming import Namer, read_source
from dalle.data.sprites.packages import fetch
from dalle.data.sprites.progress import Progress
from dalle.data.sprites.selection import Measurement, select
from dalle.data.sprites.sources import SUBSETS, Catalogue, SourceSpec
from dalle.data.sprites.sprite_set import SPRITES_FOLDER, SpriteSet, is_sprite_set
from dalle.data.sprites.wordnet import WordNet
from dalle.data.sprites.writing import draw_parts, in_order, source_records, write_set

WORKERS = 2


def build(
    folder: Path = SPRITES_FOLDER,
    size: int = 128,
    on_progress: Progress | None = None,
    *,
    subset: str = "training",
    without: Collection[str] = (),
    cache: Path | None = None,
    catalogue: Catalogue | None = None,
) -> SpriteSet:
    """Draw the sprites of a subset at size x size pixels, and put the set in `folder`.

    without: names of sources to leave out, such as "openclipart" where there is no apt-get.
    cache: a folder where packages and measurements are kept, for the next build; else they are deleted.
    Worker processes import the calling script: guard its entry by `if __name__ == "__main__"`.
    Raises ValueError for a size, subset or source that cannot be and for a damaged package, FileExistsError
    rather than replace anything but a set of sprites, RuntimeError where npm, apt-get or resvg-py is missing.
    """
    folder, catalogue = Path(folder), catalogue or Catalogue()
    _check(folder, size, subset, without, catalogue)
    scratch = folder.parent / f".{folder.name}-build"
    cache = Path(cache or scratch / "cache")
    for place in (scratch, cache / "packages", cache / "measured"):
        place.mkdir(parents=True, exist_ok=True)
    tell = on_progress or (lambda stage, done, total: None)
    used = tuple(spec for spec in catalogue.sources if spec.name not in without)
    built = _Build(catalogue, used, scratch, cache, size, subset, tell).run()
    if folder.exists():
        folder.rename(scratch / "before")
    built.rename(folder)
    shutil.rmtree(scratch)
    return SpriteSet.load(folder)


def _check(folder: Path, size: int, subset: str, without: Collection[str], catalogue: Catalogue) -> None:
    if not 16 <= size <= 1024:
        raise ValueError(f"size={size}: sprites are drawn at 16 to 1024 pixels")
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r}: choose from {', '.join(SUBSETS)}")
    if unknown := sorted(set(without) - {spec.name for spec in catalogue.sources}):
        raise ValueError(f"unknown source {unknown[0]!r}")
    if folder.exists() and not is_sprite_set(folder):
        raise FileExistsError(
            f"{folder} exists and is no set of sprites; choose another folder, or delete it"
        )
    if find_spec("resvg_py") is None:
        raise RuntimeError("resvg-py, which draws the sprites, is not installed: pip install resvg-py")


@dataclass(frozen=True)
class _Build:
    """One build of the sources `used`; `work` holds what is done of it."""

    catalogue: Catalogue
    used: tuple[SourceSpec, ...]
    work: Path
    cache: Path
    size: int
    subset: str
    tell: Progress

    def run(self) -> Path:
        """Make the set; the folder that it is in."""
        folders = self._download()
        words = {spec.reader: folders[spec.package] for spec in self.used if spec.subset == "words"}
        characters = [
            read_json(folders[spec.package] / "chars.json") for spec in self.used if spec.reader == "emoji"
        ]
        names, wordnet = EmojiNames(words["names"], characters), WordNet(words["words"])
        brands = Brands(folders[name] for name in LOGO_PACKAGES if name in folders)
        contents = {spec: read_source(spec, folders[spec.package], names) for spec in self.used}
        namer = Namer(names, wordnet, brands, contents)

        specs = [spec for spec in self.used if spec.subset == self.subset]
        with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
            chosen, left_out = select(self._measured(specs, namer, pool))
            labels = {(drawing.named.label, drawing.named.composition) for drawing in chosen}
            known = concepts(labels, namer.vocabulary, names, wordnet, words["names"])
            chosen = in_order(chosen, known)
            parts = draw_parts(chosen, self.size, self.work, pool, self.tell)
        specs += [spec for spec in self.used if spec.subset == "words"]
        records = source_records(
            specs, self.catalogue.packages, chosen, left_out, lambda spec: contents[spec].total
        )
        write_set(self.work / "built", chosen, parts, known, records, self.subset, self.size, self.tell)
        return self.work / "built"

    def _download(self) -> dict[str, Path]:
        """The folders of all packages by name."""
        logos = [name for name in LOGO_PACKAGES if name in self.catalogue.packages]
        needed = list(dict.fromkeys([spec.package for spec in self.used] + logos))
        folders = {}
        self.tell("downloading packages", 0, len(needed))
        for done, name in enumerate(needed, 1):
            folders[name] = fetch(
                self.catalogue.packages[name], self.cache / "packages", self.catalogue.members(name)
            )
            self.tell("downloading packages", done, len(needed))
        return folders

    def _measured(
        self, specs: list[SourceSpec], namer: Namer, pool: ProcessPoolExecutor
    ) -> list[Measurement]:
        found = []
        for spec in specs:
            drawings = list(namer.name(spec))
            results = measured(spec.name, drawings, self.cache / "measured", pool, self.tell)
            found += [Measurement(spec, *pair) for pair in zip(drawings, results, strict=True)]
        return found
