"""Sources of images for the tests of imports, and what an import made of them."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from dalle.data.folder.image_folder import ImageFolder


def png(seed: int = 0, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> bytes:
    """A PNG of noise, different for every seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], len(mode)), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_files(folder: Path, files: dict[str, bytes | str]) -> Path:
    """Files by path, written below `folder`; -> `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def write_zip(path: Path, files: dict[str, bytes | str]) -> Path:
    """The same files as a zip; -> `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def captions_of(folder: ImageFolder) -> list[str]:
    return [item.caption for item in folder.items]


def issues_by_name(folder: ImageFolder) -> dict[str, tuple[str, str]]:
    """Name -> (kind, reason) of each issue."""
    return {issue.name: (issue.kind, issue.reason) for issue in folder.issues}
