"""Builds the set from npm packages."""

import hashlib
import json
import multiprocessing
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dalle.data.emoji.emoji_set import (
    DEFAULT_FOLDER,
    SHAREALIKE,
    STYLES,
    Concept,
    EmojiSet,
    Source,
    _is_emoji_set,
)
from dalle.data.emoji.names import EmojiNames, codepoint_key, read, slugify
from dalle.data.emoji.svg import SvgIcon, draw, match, read_drawings

NAMES_PACKAGE = "emojibase-data"

PACKAGES = {  # exact versions: another release would draw other pixels
    "@iconify-json/noto": "1.2.9",
    "@iconify-json/noto-v1": "1.2.5",
    "@iconify-json/twemoji": "1.2.5",
    "@iconify-json/fluent-emoji": "1.2.7",
    "@iconify-json/fluent-emoji-flat": "1.2.6",
    "@iconify-json/fxemoji": "1.2.2",
    "@iconify-json/emojione": "1.2.3",
    "@iconify-json/openmoji": "1.2.29",
    NAMES_PACKAGE: "17.0.0",
}

WORKERS = 2

Progress = Callable[[str, int, int], None]  # (what is being done, how much of it is done, how much there is)


def build_with_progress(folder: Path = DEFAULT_FOLDER, size: int = 128, sharealike: bool = False) -> EmojiSet:
    """`build`, with a progress bar on standard error."""
    from tqdm import tqdm

    with tqdm() as bar:

        def show(stage: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description(stage, refresh=False)
            bar.update(done - bar.n)

        return build(folder, size, sharealike=sharealike, progress=show)


def build(
    folder: Path = DEFAULT_FOLDER,
    size: int = 128,
    *,
    sharealike: bool = False,
    styles: Collection[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> EmojiSet:
    """Download the icon sets by npm, draw every icon at size x size pixels, and put the set in `folder`.

    `sharealike` adds the sets under a share-alike licence; `styles` and `limit` (only the first concepts)
    make a small slice for tests. Two builds give the same bytes; a set appears in `folder` when complete.
    Worker processes import the calling script: guard its entry by `if __name__ == "__main__"`.
    Raises ValueError for a size or style that cannot be, FileExistsError rather than replace anything but an
    emoji set, RuntimeError where npm or resvg-py is missing or npm fails.
    """
    folder, chosen = Path(folder), _choose(styles, sharealike)
    if not 16 <= size <= 1024:
        raise ValueError(f"size={size}: icons are drawn at 16 to 1024 pixels")
    if folder.exists() and not _is_emoji_set(folder):
        raise FileExistsError(f"{folder} exists and is no emoji set; choose another folder, or delete it")
    if find_spec("resvg_py") is None:
        raise RuntimeError("resvg-py, which draws the icons, is not installed: pip install resvg-py")
    tell = progress or (lambda stage, done, total: None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        npm, built, before = (Path(scratch) / name for name in ("npm", "built", "before"))
        tell("downloading icon sets", 0, 1)
        packages = _install([*map(_package, chosen), NAMES_PACKAGE], npm)
        tell("downloading icon sets", 1, 1)
        built.mkdir()
        _write(packages, built, size, chosen, limit, tell)
        if folder.exists():
            folder.rename(before)
        built.rename(folder)
    return EmojiSet.load(folder)


def _choose(styles: Collection[str] | None, sharealike: bool) -> list[str]:
    if styles is None:
        return [style for style in STYLES if sharealike or style not in SHAREALIKE]
    if unknown := sorted(set(styles) - STYLES.keys()):
        raise ValueError(f"unknown style {unknown[0]!r}; choose from {', '.join(STYLES)}")
    if not sharealike and (held := sorted(SHAREALIKE & set(styles))):
        raise ValueError(f"{held[0]!r} is under a share-alike licence; pass sharealike=True to use it")
    return [style for style in STYLES if style in styles]


def _package(style: str) -> str:
    return f"@iconify-json/{style}"


def _install(packages: Iterable[str], scratch: Path) -> Path:
    """Download npm packages into the new folder `scratch`; the folder that holds them."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "npm, which downloads the icon sets, was not found: install Node.js from https://nodejs.org "
            "(on Debian or Ubuntu: apt install npm), then try again"
        )
    scratch.mkdir()
    manifest = {"private": True, "dependencies": {package: PACKAGES[package] for package in packages}}
    (scratch / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"]
    ended = subprocess.run(
        command, cwd=scratch, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if ended.returncode:
        last = "\n".join((ended.stderr or ended.stdout).strip().splitlines()[-12:])
        raise RuntimeError(f"npm could not download the icon sets (exit status {ended.returncode}):\n{last}")
    return scratch / "node_modules"


def _write(
    packages: Path, built: Path, size: int, styles: list[str], limit: int | None, tell: Progress
) -> None:
    """Match, draw and index what npm has brought."""
    sets = {style: packages / _package(style) for style in styles}
    characters = {style: read(path / "chars.json") for style, path in sets.items()}
    names = EmojiNames(packages / NAMES_PACKAGE, characters.values())
    found: dict[str, dict[str, SvgIcon]] = {}
    others: dict[str, list[int]] = {}  # left out, unmatched
    for style, path in sets.items():
        drawings = read_drawings(read(path / "icons.json"))
        found[style], *others[style] = match(style, drawings, characters[style], names)

    drawn = [emoji for emoji in names.wanted if any(emoji in found[style] for style in styles)][:limit]
    icons = [(at, style) for at, emoji in enumerate(drawn) for style in styles if emoji in found[style]]
    tasks = [(found[style][drawn[at]], size) for at, style in icons]
    with _workers() as pool, open(built / "icons.npy", "wb") as file:
        images = _counted(pool.map(draw, tasks, chunksize=16), len(tasks), tell)
        kept, digest = _write_pixels(file, size, images)
    icons = [icons[position] for position in kept]
    used = Counter(style for _, style in icons)
    sources = [_source(style, path, used[style], *others[style]) for style, path in sets.items()]
    index = {
        "size": size,
        "concepts": [asdict(concept) for concept in _concepts(drawn, names, packages / NAMES_PACKAGE)],
        "icons": icons,
        "licences": [asdict(source) for source in (*sources, _names_source(packages / NAMES_PACKAGE))],
    }
    index["digest"] = hashlib.sha256((digest + _json(index)).encode()).hexdigest()
    (built / "index.json").write_text(_json(index), encoding="utf-8")


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _workers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))


def _counted(images: Iterable, total: int, tell: Progress) -> Iterator:
    tell("drawing icons", 0, total)
    for done, image in enumerate(images, 1):
        tell("drawing icons", done, total)
        yield image


def _write_pixels(file: BinaryIO, size: int, images: Iterable[np.ndarray | None]) -> tuple[list[int], str]:
    """Stream images into an .npy file, all but the None; the positions of those written, and their sha256."""
    kept, digest = [], hashlib.sha256()
    _write_header(file, 0, size)
    for position, image in enumerate(images):
        if image is not None:
            data = image.tobytes()
            digest.update(data)
            file.write(data)
            kept.append(position)
    file.seek(0)
    _write_header(file, len(kept), size)  # in place: numpy leaves room for the count to grow
    return kept, digest.hexdigest()


def _write_header(file: BinaryIO, count: int, size: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 4)}
    np.lib.format.write_array_header_1_0(file, header)


def _concepts(drawn: Iterable[str], names: EmojiNames, package: Path) -> list[Concept]:
    languages = sorted(folder.name for folder in package.iterdir() if (folder / "data.json").is_file())
    tables = {
        language: {codepoint_key(entry["hexcode"]): entry for entry in read(package / language / "data.json")}
        for language in languages
    }
    return [_concept(emoji, names, tables) for emoji in drawn]


def _concept(emoji: str, names: EmojiNames, tables: dict[str, dict[str, dict]]) -> Concept:
    said = {language: table[emoji] for language, table in tables.items() if table.get(emoji, {}).get("label")}
    group, subgroup = names.group(emoji)
    return Concept(
        slug=slugify(names.entries[emoji]["label"]),
        emoji=names.entries[emoji]["emoji"],
        group=group,
        subgroup=subgroup,
        base=slugify(names.entries[names.base(emoji)]["label"]),
        labels={language: entry["label"] for language, entry in said.items()},
        keywords={language: tuple(entry["tags"]) for language, entry in said.items() if entry.get("tags")},
    )


def _source(style: str, folder: Path, used: int, left_out: int, unmatched: int) -> Source:
    info, package = read(folder / "info.json"), read(folder / "package.json")
    return Source(
        style=style,
        package=package["name"],
        version=package["version"],
        title=info["name"],
        author=info["author"]["name"],
        url=info["author"]["url"],
        licence=info["license"]["spdx"],
        licence_url=info["license"]["url"],
        used=used,
        left_out=left_out,
        unmatched=unmatched,
    )


def _names_source(folder: Path) -> Source:
    package = read(folder / "package.json")
    return Source(
        style="",
        package=package["name"],
        version=package["version"],
        title="Emojibase, with names and keywords of Unicode CLDR",
        author=f"{package['author']}; Unicode, Inc.",
        url="https://emojibase.dev",
        licence=f"{package['license']} AND Unicode-3.0",
        licence_url="https://www.unicode.org/license.txt",
    )
