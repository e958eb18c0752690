"""A sprite set as one small file, for a machine that cannot build it: WebP pictures and the index.

    SpriteSet --pack_sprites--> sprites.safetensors --unpack_sprites--> the same folder, on the other machine

Most pictures are packed without loss; those that stay large are packed at quality 95, which a network that
sees them among a million scenes cannot tell apart.
"""

import io
import json
import zlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from tqdm import tqdm

from dalle import runtime
from dalle.data.sprites.sprite_set import SpriteSet

LOSSLESS_BYTES = 5_000  # above this a picture is packed with loss
QUALITY = 95
CHUNK = 256  # pictures a task of the process pool


def pack_sprites(sprites: SpriteSet, folder: Path, target: Path) -> None:
    """Write all pictures of `sprites`, whose index is in `folder`, to the file `target`."""
    pictures = [*sprites.colour, *sprites.masks]
    with ProcessPoolExecutor(runtime.available_cores()) as pool:
        encoded = list(
            tqdm(pool.map(_encode, pictures, chunksize=CHUNK), "packing", len(pictures), unit="drawing")
        )
    index = zlib.compress((folder / "index.json").read_bytes(), 9)
    tensors = {
        "pictures": _bytes(b"".join(encoded)),
        "sizes": torch.tensor([len(each) for each in encoded], dtype=torch.int64),
        "index": _bytes(index),
    }
    counts = {"colour": len(sprites.colour), "masks": len(sprites.masks), "size": sprites.size}
    safetensors.torch.save_file(tensors, target, {"counts": json.dumps(counts)})


def unpack_sprites(source: Path, folder: Path) -> SpriteSet:
    """Write the files of the set in `source` into `folder` -> the set."""
    with safetensors.safe_open(source, "pt") as file:
        counts = json.loads(file.metadata()["counts"])
        packed, sizes, index = (file.get_tensor(name) for name in ("pictures", "sizes", "index"))
    data, ends = packed.numpy().tobytes(), sizes.cumsum(0).tolist()
    encoded = [data[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]
    colour, size = counts["colour"], counts["size"]
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(runtime.available_cores()) as pool:
        for name, part in (("colour", encoded[:colour]), ("masks", encoded[colour:])):
            shape = (len(part), size, size, 4) if name == "colour" else (len(part), size, size)
            array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
            decode = _decode_colour if name == "colour" else _decode_mask
            for row, picture in enumerate(pool.map(decode, part, chunksize=CHUNK)):
                array[row] = picture
            array.flush()
    (folder / "index.json").write_bytes(zlib.decompress(index.numpy().tobytes()))
    return SpriteSet.load(folder)


def _encode(picture: np.ndarray) -> bytes:
    """A picture (S, S, 4), or a mask (S, S), as WebP."""
    image = Image.fromarray(picture) if picture.ndim == 3 else Image.fromarray(picture).convert("RGB")
    lossless = _webp(image, lossless=True, quality=70)
    if picture.ndim == 2 or len(lossless) <= LOSSLESS_BYTES:
        return lossless
    return min(lossless, _webp(image, quality=QUALITY), key=len)


def _webp(image: Image.Image, **settings: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", method=4, **settings)
    return buffer.getvalue()


def _decode_colour(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def _decode_mask(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def _bytes(data: bytes | Iterable[int]) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(bytes(data), np.uint8).copy())
