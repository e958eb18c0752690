"""From chosen drawings to the files of a set: pixels of all sources joined, concepts, sprites and sources."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, astuple
from pathlib import Path

from dalle.data.emoji.names import normalize_name
from dalle.data.sprites import raster
from dalle.data.sprites.measure_cache import CHUNK, RENDERER, fingerprint
from dalle.data.sprites.progress import Progress, counted
from dalle.data.sprites.selection import Measurement
from dalle.data.sprites.sources import Package, SourceSpec
from dalle.data.sprites.sprite_set import FILES, Concept, Source, Sprite
from dalle.data.sprites.store import joined, write_array, write_index


def in_order(chosen: Iterable[Measurement], concepts: list[Concept]) -> list[Measurement]:
    """The drawings by source, as given, and by concept within each."""
    rank = {concept.label: at for at, concept in enumerate(concepts)}
    sources = {drawing.spec: None for drawing in chosen}
    place = {spec: at for at, spec in enumerate(sources)}
    return sorted(
        chosen,
        key=lambda drawing: (
            place[drawing.spec],
            rank[drawing.named.label],
            drawing.named.rank,
            drawing.named.candidate.id,
        ),
    )


def draw_parts(
    chosen: list[Measurement], size: int, work: Path, pool: Executor, tell: Progress
) -> list[list[Path]]:
    """Draw what is not drawn yet; the files of the parts in colour, and of the masks, one each a source."""
    groups: dict[tuple[str, bool], list[Measurement]] = defaultdict(list)
    for drawing in chosen:
        groups[drawing.spec.name, drawing.monochrome].append(drawing)
    parts: list[list[Path]] = [[], []]
    for (name, monochrome), drawings in groups.items():
        tasks = [_task(drawing, size) for drawing in drawings]
        key = fingerprint(RENDERER, (artwork for artwork, *_ in tasks), [task[1:] for task in tasks])
        part = work / f"{name}-{key}.npy"
        if not part.is_file():
            pictures = counted(
                f"drawing {name}", pool.map(raster.draw, tasks, chunksize=CHUNK), len(tasks), tell
            )
            write_array(part, _shape(len(tasks), size, monochrome), pictures)
        parts[monochrome].append(part)
    return parts


def _task(drawing: Measurement, size: int) -> tuple:
    artwork = drawing.named.candidate.artwork
    box = artwork.box if drawing.named.uncropped else raster.padded(drawing.measured.box)
    return artwork, box, drawing.monochrome, size


def _shape(count: int, size: int, monochrome: bool) -> tuple[int, ...]:
    return (count, size, size) if monochrome else (count, size, size, 4)


def write_set(
    folder: Path,
    chosen: list[Measurement],
    parts: list[list[Path]],
    concepts: list[Concept],
    sources: list[Source],
    subset: str,
    size: int,
    tell: Progress,
) -> str:
    """Join the parts and write the index into the new folder; the digest of the set."""
    folder.mkdir(exist_ok=True)
    digests = []
    for monochrome, name in enumerate(FILES[:2]):
        count = sum(drawing.monochrome == bool(monochrome) for drawing in chosen)
        pictures = counted(f"joining {name}", joined(parts[monochrome]), count, tell)
        digests.append(write_array(folder / name, _shape(count, size, bool(monochrome)), pictures))
    index = {
        "subset": subset,
        "size": size,
        "concepts": [asdict(concept) for concept in concepts],
        "sprites": _sprites(chosen, concepts, [source.name for source in sources]),
        "sources": [asdict(source) for source in sources],
    }
    return write_index(folder / FILES[2], index, digests)


def _sprites(chosen: list[Measurement], concepts: list[Concept], sources: list[str]) -> list[tuple]:
    rank = {concept.label: at for at, concept in enumerate(concepts)}
    rows: Counter[bool] = Counter()
    found = []
    for drawing in chosen:
        named = drawing.named
        sprite = Sprite(
            concept=rank[named.label],
            source=sources.index(drawing.spec.name),
            row=rows[drawing.monochrome],
            monochrome=drawing.monochrome,
            id=named.candidate.id,
            title="" if normalize_name(named.title) == normalize_name(named.label) else named.title,
            credit=named.candidate.credit,
        )
        rows[drawing.monochrome] += 1
        found.append(astuple(sprite))
    return found


def source_records(
    specs: Iterable[SourceSpec],
    packages: Mapping[str, Package],
    chosen: list[Measurement],
    left_out: Counter[tuple[str, str]],
    total: Callable[[SourceSpec], int],
) -> list[Source]:
    """What is told of each source; drawings that no rule named are counted as unnamed."""
    used = Counter((drawing.spec.name, drawing.monochrome) for drawing in chosen)
    records = []
    for spec in specs:
        reasons = {reason: count for (name, reason), count in sorted(left_out.items()) if name == spec.name}
        unnamed = total(spec) - used[spec.name, False] - used[spec.name, True] - sum(reasons.values())
        if unnamed > 0:
            reasons["a variant, or of no known thing"] = unnamed
        records.append(
            Source(
                name=spec.name,
                style=spec.style,
                package=spec.package,
                version=packages[spec.package].version,
                title=spec.title,
                author=spec.author,
                url=spec.url,
                licence=spec.licence,
                licence_url=spec.licence_url,
                colour=used[spec.name, False],
                monochrome=used[spec.name, True],
                left_out=reasons,
            )
        )
    return records
