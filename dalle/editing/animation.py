"""Animations of images of one size, played forwards and back: GIF, WebP or, with ffmpeg, MP4."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

ANIMATION_FORMATS = ("gif", "webp", "mp4")
FRAME_MS = 140  # milliseconds a frame
FFMPEG = "ffmpeg"
FFMPEG_TIMEOUT = 60  # seconds


def available_formats() -> tuple[str, ...]:
    """The ANIMATION_FORMATS that can be written on this machine."""
    return ANIMATION_FORMATS if shutil.which(FFMPEG) else ANIMATION_FORMATS[:2]


def check_format(file_format: str) -> None:
    """Raise ValueError for a format that is unknown, or not available on this machine."""
    if file_format not in ANIMATION_FORMATS:
        raise ValueError(f"no film of kind {file_format!r}; there are {', '.join(ANIMATION_FORMATS)}")
    if file_format not in available_formats():
        raise ValueError(
            f"{file_format} takes the program {FFMPEG}, which is not on PATH here; choose gif or webp"
        )


def encode_animation(images: Sequence[Image.Image], file_format: str, milliseconds: int = FRAME_MS) -> bytes:
    """The content of a file that shows each image for `milliseconds`; GIF and WebP repeat for ever.

    Raises ValueError where the format is not available, RuntimeError where ffmpeg fails.
    """
    check_format(file_format)
    frames = [*images, *images[-2:0:-1]]
    if file_format == "mp4":
        return _encode_mp4(frames, milliseconds)
    return _encode_by_pillow(frames, milliseconds, file_format)


def _encode_by_pillow(frames: Sequence[Image.Image], milliseconds: int, file_format: str) -> bytes:
    file = io.BytesIO()
    options = {"lossless": True} if file_format == "webp" else {"disposal": 2}
    frames[0].save(
        file, file_format, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, **options
    )
    return file.getvalue()


def _encode_mp4(frames: Sequence[Image.Image], milliseconds: int) -> bytes:
    """H.264 with 4:2:0 chroma, which every player supports."""
    size = "x".join(map(str, frames[0].size))
    input_options = (
        f"-f rawvideo -pixel_format rgb24 -video_size {size} -framerate 1000/{milliseconds} -i pipe:0"
    )
    output_options = "-c:v libx264 -crf 16 -pix_fmt yuv420p -movflags +faststart"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"  # not a pipe: faststart writes the index at the front last
        command = [FFMPEG, "-loglevel", "error", *input_options.split(), *output_options.split(), str(path)]
        pixels = b"".join(frame.convert("RGB").tobytes() for frame in frames)
        try:
            subprocess.run(command, input=pixels, capture_output=True, timeout=FFMPEG_TIMEOUT, check=True)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"{FFMPEG} took more than {FFMPEG_TIMEOUT} seconds; choose gif or webp"
            ) from error
        except subprocess.CalledProcessError as error:
            messages = error.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
            raise RuntimeError(f"{FFMPEG} failed ({messages[-1][:200]}); choose gif or webp") from error
        return path.read_bytes()
