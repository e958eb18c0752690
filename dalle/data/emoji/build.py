"""Builds the emoji set: downloads the icon sets by npm, rasterises their icons, and indexes them."""

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
from typing import BinaryIO, TypeVar

import numpy as np

from dalle.data.emoji.emoji_set import (
    EMOJI_FOLDER,
    SHAREALIKE,
    STYLES,
    Concept,
    EmojiSet,
    SourcePackage,
    is_emoji_set,
)
from dalle.data.emoji.names import EmojiNames, codepoint_key, read_json, slugify
from dalle.data.emoji.svg import SvgIcon, match_icons, rasterise_icon, read_icon_set

NAMES_PACKAGE = "emojibase-data"

PACKAGE_VERSIONS = {  # exact versions, since another release would give other pixels
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

WORKERS = 2  # processes that rasterise icons

Progress = Callable[[str, int, int], None]  # called with (stage, steps done, steps in all)
T = TypeVar("T")


def build_with_progress(folder: Path = EMOJI_FOLDER, size: int = 128, sharealike: bool = False) -> EmojiSet:
    """`build_emoji_set`, with a progress bar on standard error."""
    from tqdm import tqdm

    with tqdm() as bar:

        def show(stage: str, done: int, total: int) -> None:
            bar.total = total
            bar.set_description(stage, refresh=False)
            bar.update(done - bar.n)

        return build_emoji_set(folder, size, sharealike=sharealike, progress=show)


def build_emoji_set(
    folder: Path = EMOJI_FOLDER,
    size: int = 128,
    *,
    sharealike: bool = False,
    styles: Collection[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> EmojiSet:
    """Download the icon sets by npm, rasterise every icon at size x size pixels, and put the set in `folder`.

    `sharealike` adds the icon sets under a share-alike licence. `styles` and `limit` (the first concepts
    only) make a small set for tests. Two builds give the same bytes; the set appears in `folder` when it is
    complete, and replaces an older one. Worker processes import the calling script, which must guard its
    entry by `if __name__ == "__main__"`.

    Raises ValueError for a size or style out of range, FileExistsError if `folder` is anything but an emoji
    set, RuntimeError if npm or resvg-py is missing or npm fails.
    """
    folder, chosen = Path(folder), _choose_styles(styles, sharealike)
    if not 16 <= size <= 1024:
        raise ValueError(f"size={size}: icons are drawn at 16 to 1024 pixels")
    if folder.exists() and not is_emoji_set(folder):
        raise FileExistsError(f"{folder} exists and is no emoji set; choose another folder, or delete it")
    if find_spec("resvg_py") is None:
        raise RuntimeError("resvg-py, which draws the icons, is not installed: pip install resvg-py")
    report = progress or (lambda stage, done, total: None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        npm, built, replaced = (Path(scratch) / name for name in ("npm", "built", "replaced"))
        report("downloading icon sets", 0, 1)
        packages = install_packages([*map(_package, chosen), NAMES_PACKAGE], npm)
        report("downloading icon sets", 1, 1)
        built.mkdir()
        _write_set(packages, built, size, chosen, limit, report)
        if folder.exists():
            folder.rename(replaced)
        built.rename(folder)
    return EmojiSet.load(folder)


def _choose_styles(styles: Collection[str] | None, sharealike: bool) -> list[str]:
    """The requested styles in the order of `STYLES`; ValueError for one that is unknown or not permitted."""
    if styles is None:
        return [style for style in STYLES if sharealike or style not in SHAREALIKE]
    if unknown := sorted(set(styles) - STYLES.keys()):
        raise ValueError(f"unknown style {unknown[0]!r}; choose from {', '.join(STYLES)}")
    if not sharealike and (refused := sorted(SHAREALIKE & set(styles))):
        raise ValueError(f"{refused[0]!r} is under a share-alike licence; pass sharealike=True to use it")
    return [style for style in STYLES if style in styles]


def _package(style: str) -> str:
    """The npm package of an icon set."""
    return f"@iconify-json/{style}"


def install_packages(packages: Iterable[str], scratch: Path) -> Path:
    """Download npm packages of `PACKAGE_VERSIONS` into the new folder `scratch`; install scripts do not run.

    -> the folder that holds the packages. Raises RuntimeError if npm is missing or fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "npm, which downloads the icon sets, was not found: install Node.js from https://nodejs.org "
            "(on Debian or Ubuntu: apt install npm), then try again"
        )
    scratch.mkdir()
    manifest = {"private": True, "dependencies": {package: PACKAGE_VERSIONS[package] for package in packages}}
    (scratch / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"]
    process = subprocess.run(
        command, cwd=scratch, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if process.returncode:
        output = "\n".join((process.stderr or process.stdout).strip().splitlines()[-12:])
        raise RuntimeError(
            f"npm could not download the icon sets (exit status {process.returncode}):\n{output}"
        )
    return scratch / "node_modules"


def _write_set(
    packages: Path, built: Path, size: int, styles: list[str], limit: int | None, report: Progress
) -> None:
    """Match the downloaded icons with concepts, and write icons.npy and index.json into `built`."""
    sets = {style: packages / _package(style) for style in styles}
    characters = {style: read_json(path / "chars.json") for style, path in sets.items()}
    names = EmojiNames(packages / NAMES_PACKAGE, characters.values())
    matched: dict[str, dict[str, SvgIcon]] = {}  # style -> emoji -> icon
    rest: dict[str, tuple[int, int]] = {}  # style -> icons left out, icons unmatched
    for style, path in sets.items():
        icon_set = read_icon_set(read_json(path / "icons.json"))
        matched[style], left_out, unmatched = match_icons(style, icon_set, characters[style], names)
        rest[style] = left_out, unmatched

    emoji = [key for key in names.wanted if any(key in matched[style] for style in styles)][:limit]
    icons = [(i, style) for i, key in enumerate(emoji) for style in styles if key in matched[style]]
    tasks = [(matched[style][emoji[i]], size) for i, style in icons]
    with _workers() as pool, open(built / "icons.npy", "wb") as file:
        images = _with_progress(pool.map(rasterise_icon, tasks, chunksize=16), len(tasks), report)
        written, digest = _write_pixels(file, size, images)
    icons = [icons[position] for position in written]
    used = Counter(style for _, style in icons)
    sources = [_icon_source(style, path, used[style], *rest[style]) for style, path in sets.items()]
    concepts = _read_concepts(emoji, names, packages / NAMES_PACKAGE)
    index = {
        "size": size,
        "concepts": [concept.to_json() for concept in concepts],
        "icons": icons,
        "licences": [asdict(source) for source in (*sources, _names_source(packages / NAMES_PACKAGE))],
    }
    index["digest"] = hashlib.sha256((digest + _json(index)).encode()).hexdigest()
    (built / "index.json").write_text(_json(index), encoding="utf-8")


def _json(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _workers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"))


def _with_progress(images: Iterable[T], total: int, report: Progress) -> Iterator[T]:
    report("drawing icons", 0, total)
    for done, image in enumerate(images, 1):
        report("drawing icons", done, total)
        yield image


def _write_pixels(file: BinaryIO, size: int, images: Iterable[np.ndarray | None]) -> tuple[list[int], str]:
    """Stream images (size, size, 4) uint8 into an .npy file, leaving out None.

    -> the positions of the images written, and the SHA-256 of their bytes.
    """
    written, digest = [], hashlib.sha256()
    _write_header(file, 0, size)
    for position, image in enumerate(images):
        if image is not None:
            data = image.tobytes()
            digest.update(data)
            file.write(data)
            written.append(position)
    file.seek(0)
    _write_header(file, len(written), size)  # in place: numpy leaves room for the count to grow
    return written, digest.hexdigest()


def _write_header(file: BinaryIO, count: int, size: int) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 4)}
    np.lib.format.write_array_header_1_0(file, header)


def _read_concepts(emoji: Iterable[str], names: EmojiNames, package: Path) -> list[Concept]:
    """The concepts of emoji keys, with their names in every language of the names package."""
    languages = sorted(folder.name for folder in package.iterdir() if (folder / "data.json").is_file())
    tables = {
        language: {
            codepoint_key(entry["hexcode"]): entry for entry in read_json(package / language / "data.json")
        }
        for language in languages
    }
    return [emoji_concept(key, names, tables) for key in emoji]


def emoji_concept(emoji: str, names: EmojiNames, tables: dict[str, dict[str, dict]]) -> Concept:
    """The concept of an emoji key. `tables`: language -> emoji key -> entry of emojibase."""
    named = {
        language: table[emoji] for language, table in tables.items() if table.get(emoji, {}).get("label")
    }
    group, subgroup = names.group(emoji)
    return Concept(
        slug=slugify(names.entries[emoji]["label"]),
        emoji=names.entries[emoji]["emoji"],
        group=group,
        subgroup=subgroup,
        canonical=slugify(names.entries[names.canonical(emoji)]["label"]),
        labels={language: entry["label"] for language, entry in named.items()},
        keywords={language: tuple(entry["tags"]) for language, entry in named.items() if entry.get("tags")},
    )


def _icon_source(style: str, folder: Path, used: int, left_out: int, unmatched: int) -> SourcePackage:
    info, package = read_json(folder / "info.json"), read_json(folder / "package.json")
    return SourcePackage(
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


def _names_source(folder: Path) -> SourcePackage:
    package = read_json(folder / "package.json")
    return SourcePackage(
        style="",
        package=package["name"],
        version=package["version"],
        title="Emojibase, with names and keywords of Unicode CLDR",
        author=f"{package['author']}; Unicode, Inc.",
        url="https://emojibase.dev",
        licence=f"{package['license']} AND Unicode-3.0",
        licence_url="https://www.unicode.org/license.txt",
    )
