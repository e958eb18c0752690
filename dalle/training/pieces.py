"""A file in pieces, for a way that takes small files only."""

from pathlib import Path

PIECE_BYTES = 16 * 2**20 - 4096


def split_file(source: Path, folder: Path, size: int = PIECE_BYTES) -> list[Path]:
    """Copy `source` into `folder` as NAME.000, NAME.001, ... of at most `size` bytes -> the pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    with source.open("rb") as file:
        while data := file.read(size):
            pieces.append(folder / f"{source.name}.{len(pieces):03}")
            pieces[-1].write_bytes(data)
    return pieces


def join_file(folder: Path, name: str, target: Path) -> None:
    """The inverse of `split_file`; raises FileNotFoundError where no first piece is, ValueError for a gap."""
    pieces = sorted(folder.glob(f"{name}.[0-9][0-9][0-9]"))
    if not pieces:
        raise FileNotFoundError(f"{folder} has no {name}.000: copy the pieces that the export wrote")
    if [piece.name for piece in pieces] != [f"{name}.{number:03}" for number in range(len(pieces))]:
        raise ValueError(f"{folder} lacks a piece of {name}; it has {[piece.name for piece in pieces]}")
    with target.open("wb") as file:
        for piece in pieces:
            file.write(piece.read_bytes())
