"""Measuring the drawings of a source, once: the results are kept in a file, for a build that goes on.

Files of results are named by what they were made of, so that no other drawings or code are taken for them.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path

from dalle.data.emoji.names import read_json
from dalle.data.sprites.measure import Measured, measure
from dalle.data.sprites.naming import Named
from dalle.data.sprites.progress import Progress, counted
from dalle.data.sprites.raster import Artwork
from dalle.data.sprites.store import written

RENDERER = (Path(__file__).with_name("raster.py"),)  # the code that decides what is drawn,
MEASURES = (*RENDERER, Path(__file__).with_name("measure.py"))  # and what is measured
CHUNK = 16  # drawings that a worker process takes at once


def fingerprint(code: Iterable[Path], artworks: Iterable[Artwork], *more: object) -> str:
    """A short name for some drawings, the code that treats them, and what else decides the result."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in code) + repr(more).encode())
    for artwork in artworks:
        digest.update(repr(artwork).encode())
    return digest.hexdigest()[:16]


def measured(
    name: str, drawings: list[Named], folder: Path, pool: Executor, tell: Progress
) -> list[Measured]:
    """What each drawing of the source `name` looks like; read from a file in `folder` where that is there."""
    artworks = [drawing.candidate.artwork for drawing in drawings]
    file = folder / f"{name}-{fingerprint(MEASURES, artworks)}.json"
    if not file.is_file():
        results = pool.map(measure, artworks, chunksize=CHUNK)
        _save(file, counted(f"measuring {name}", results, len(artworks), tell))
    return [_load(row) for row in read_json(file)]


def _save(file: Path, results: Iterable[Measured]) -> None:
    table = [
        [found.box, found.colour, base64.b64encode(found.thumbnail).decode(), found.defect]
        for found in results
    ]
    with written(file) as to:
        to.write(json.dumps(table).encode())


def _load(row: list) -> Measured:
    box, colour, thumbnail, defect = row
    return Measured(tuple(box), colour, base64.b64decode(thumbnail), defect)
