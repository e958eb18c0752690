"""Tests of dalle/editing/animation.py: frames forwards and back, valid files, readable errors."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dalle.editing import animation

STRIP = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 80, 160)]


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a Python script called ffmpeg on PATH."""
    program = folder / animation.FFMPEG
    program.write_text(f"#!{sys.executable}\n{script}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_play_forwards_and_back(kind: str) -> None:
    """Guards against an animation of one frame, and one that other programs cannot open."""
    with Image.open(io.BytesIO(animation.encode_animation(STRIP, kind, 100))) as shown:
        assert (shown.format, shown.n_frames, shown.info["loop"]) == (kind.upper(), 4, 0)


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="ffmpeg and its ffprobe are not on PATH")
def test_a_video_plays_forwards_and_back(tmp_path: Path) -> None:
    """Guards against a video that only some players read, or that is cut short."""
    (tmp_path / "film.mp4").write_bytes(animation.encode_animation(STRIP, "mp4", 100))
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", "film.mp4"]
    output = subprocess.run(probe, cwd=tmp_path, capture_output=True, check=True).stdout
    (stream,) = json.loads(output)["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["nb_read_frames"]) == ("h264", "yuv420p", "4")
    assert (stream["width"], stream["height"], stream["avg_frame_rate"]) == (32, 32, "10/1")


def test_ffmpeg_is_given_every_pixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against frames that are lost or out of order, where no real ffmpeg is installed."""
    fake_ffmpeg(tmp_path, monkeypatch, "import sys\nopen(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())")
    assert animation.encode_animation(STRIP, "mp4") == b"".join(
        STRIP[index].tobytes() for index in (0, 1, 2, 1)
    )


def test_a_failing_ffmpeg_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a traceback, or an empty file, where ffmpeg lacks a codec or does not end."""
    fake_ffmpeg(tmp_path, monkeypatch, "import sys\nsys.exit('first\\nUnknown encoder')")
    with pytest.raises(RuntimeError, match=r"ffmpeg failed \(Unknown encoder\); choose gif or webp"):
        animation.encode_animation(STRIP, "mp4")
    fake_ffmpeg(tmp_path, monkeypatch, "import time\ntime.sleep(60)")
    monkeypatch.setattr(animation, "FFMPEG_TIMEOUT", 0.5)
    with pytest.raises(RuntimeError, match=r"more than 0\.5 seconds"):
        animation.encode_animation(STRIP, "mp4")


def test_without_ffmpeg_there_is_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a button that cannot work, and a missing ffmpeg that is not named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert animation.available_formats() == ("gif", "webp")
    with pytest.raises(ValueError, match="ffmpeg, which is not on PATH"):
        animation.encode_animation(STRIP, "mp4")
    with pytest.raises(ValueError, match="no film of kind 'avi'; there are gif, webp, mp4"):
        animation.check_format("avi")
