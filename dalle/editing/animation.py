"""Films: pictures of one size, one after the other and back, as GIF, WebP or, with ffmpeg, MP4."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

KINDS = ("gif", "webp", "mp4")
FRAME_MS = 140  # milliseconds that each picture is shown
FFMPEG_TIMEOUT = 60  # seconds that ffmpeg may take
PROGRAM = "ffmpeg"


def offered() -> tuple[str, ...]:
    """Those of KINDS that this machine can make."""
    return KINDS if shutil.which(PROGRAM) else KINDS[:2]


def check(kind: str) -> None:
    """Raises ValueError where films of a kind cannot be made here."""
    if kind not in KINDS:
        raise ValueError(f"no film of kind {kind!r}; there are {', '.join(KINDS)}")
    if kind not in offered():
        raise ValueError(f"{kind} takes the program {PROGRAM}, which is not on PATH here; choose gif or webp")


def encode_animation(pictures: Sequence[Image.Image], kind: str, milliseconds: int = FRAME_MS) -> bytes:
    """A file that shows each picture for so long; gif and webp go on for ever.

    Raises ValueError where this machine makes none of that kind, RuntimeError where ffmpeg fails.
    """
    check(kind)
    frames = [*pictures, *pictures[-2:0:-1]]
    return _mp4(frames, milliseconds) if kind == "mp4" else _animation(frames, milliseconds, kind)


def _animation(frames: Sequence[Image.Image], milliseconds: int, kind: str) -> bytes:
    file = io.BytesIO()
    options = {"lossless": True} if kind == "webp" else {"disposal": 2}
    frames[0].save(
        file, kind, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0, **options
    )
    return file.getvalue()


def _mp4(frames: Sequence[Image.Image], milliseconds: int) -> bytes:
    """H.264 as every player reads it: colours at half the size."""
    size = "x".join(map(str, frames[0].size))
    taken = f"-f rawvideo -pixel_format rgb24 -video_size {size} -framerate 1000/{milliseconds} -i pipe:0"
    made = "-c:v libx264 -crf 16 -pix_fmt yuv420p -movflags +faststart"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"  # not a pipe: the index at its front is written last
        command = [PROGRAM, "-loglevel", "error", *taken.split(), *made.split(), str(path)]
        pixels = b"".join(frame.convert("RGB").tobytes() for frame in frames)
        try:
            subprocess.run(command, input=pixels, capture_output=True, timeout=FFMPEG_TIMEOUT, check=True)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"{PROGRAM} took more than {FFMPEG_TIMEOUT} seconds; choose gif or webp"
            ) from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines() or ["no word of why"]
            raise RuntimeError(f"{PROGRAM} failed ({said[-1][:200]}); choose gif or webp") from error
        return path.read_bytes()
