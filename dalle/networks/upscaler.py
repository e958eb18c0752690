"""Upscaler: super-resolution of icons by 2 and by 4, a file of its own beside a checkpoint's.

    pictures (B, 3, H, W) in [-1, 1]  -->  (B, 3, F H, F W), about [-1, 1], F = 2 or 4

One trunk of residual blocks at the small size and a head for each factor (EDSR, arXiv:1707.02921, without
norms, so that a window of a picture gives what the whole would). What it adds to cubic interpolation starts
at zero. Large pictures go through it window by window.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from dalle import images
from dalle.edits import FACTORS
from dalle.errors import Refused
from dalle.recipe import Recipe

FILE = "upscaler.safetensors"
WIDTH, BLOCKS = 64, 10
MOST = (256, 32)  # width and blocks of a file that is read: one from elsewhere must not fill the memory
MARGIN = 24  # pixels around a window's own part: as far as the network sees, and two for the interpolation
WINDOW = 128  # pixels a side, margins included: a checkpoint's pictures are one window
MAX_PIXELS = 2**24  # of what comes out


class Block(nn.Module):
    """Two convolutions beside an identity; starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.conv2(F.silu(self.conv1(x)))


class Upscaler(nn.Module):
    """The network; `digest` names its weights once they have a file."""

    def __init__(self, width: int = WIDTH, blocks: int = BLOCKS):
        super().__init__()
        self.width, self.digest = width, ""
        self.input = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.heads = nn.ModuleDict({str(f): nn.Conv2d(width, 3 * f * f, 3, padding=1) for f in FACTORS})
        for head in self.heads.values():
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def trunk(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H, W), for either head."""
        x = pictures.to(self.input.weight.dtype).contiguous(memory_format=torch.channels_last)
        x = self.input(x)
        for block in self.blocks:
            x = block(x)
        return F.silu(x)

    def head(self, trunk: Tensor, pictures: Tensor, factor: int) -> Tensor:
        """What the trunk saw in pictures (B, 3, H, W), and they -> (B, 3, F H, F W)."""
        added = F.pixel_shuffle(self.heads[str(factor)](trunk), factor).float()
        return F.interpolate(pictures.float(), scale_factor=factor, mode="bicubic") + added

    def forward(self, pictures: Tensor, factor: int) -> Tensor:
        """(B, 3, H, W) -> (B, 3, F H, F W)."""
        return self.head(self.trunk(pictures), pictures, factor)

    # --- files

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32) -> "Upscaler | None":
        """The upscaler of a checkpoint's folder, or None. Raises ValueError where it is damaged."""
        path = Path(folder) / FILE
        if not path.is_file():
            return None
        try:
            with safetensors.safe_open(path, "pt") as file:
                header = json.loads(file.metadata()["upscaler"])
            sizes = header["width"], header["blocks"]
            bounds = zip(sizes, MOST, strict=True)
            if not all(type(size) is int and 1 <= size <= most for size, most in bounds):
                raise ValueError(f"its sizes are {sizes}; ours are at most {MOST}")
            upscaler = cls(*sizes)
            state = safetensors.torch.load_file(path)
            upscaler.load_state_dict({name: tensor.to(dtype) for name, tensor in state.items()}, assign=True)
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"{path} is no upscaler of this version ({str(error)[:300]}); without the file Lanczos "
                "stands in"
            ) from error
        upscaler.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return upscaler.eval().requires_grad_(False)

    def save(self, folder: Path) -> None:
        """Write it in bf16."""
        state = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in self.state_dict().items()}
        header = json.dumps({"width": self.width, "blocks": len(self.blocks)})
        safetensors.torch.save_file(state, Path(folder) / FILE, {"upscaler": header})


# --- pictures of any size


def check_size(width: int, height: int, factor: int) -> None:
    """Raises ValueError for a picture that would come out too large."""
    if width * height * factor**2 > MAX_PIXELS:
        most = f"{MAX_PIXELS / 1e6:.0f}"
        raise Refused("enlarged", factor=factor, width=width, height=height, most=most)


@dataclass
class Windows:
    """The way through a picture, window by window: (top, left) of each."""

    corners: list[tuple[int, int]]
    taken: int = 0

    @property
    def steps(self) -> int:
        return len(self.corners)


@dataclass(eq=False)
class Enlargement:
    """A picture on its way to `factor` times its size."""

    recipe: Recipe  # of what comes out
    pixels: np.ndarray  # (H, W, 3) uint8
    factor: int
    walk: Windows = field(init=False)

    def __post_init__(self) -> None:
        height, width = self.pixels.shape[:2]
        check_size(width, height, self.factor)
        self.walk = Windows(list(product(_starts(height), _starts(width))))

    @cached_property
    def output(self) -> np.ndarray:
        """(F H, F W, 3) uint8, made at the first step: one that waits for its turn takes no memory."""
        # Previews show it half done: what is not yet enlarged must be the picture, not stray memory.
        return self.pixels.repeat(self.factor, 0).repeat(self.factor, 1)


def _starts(length: int) -> list[int]:
    """Where windows begin, so that their parts without margins cover `length` pixels."""
    last = max(0, length - WINDOW)
    return [*range(0, last, WINDOW - 2 * MARGIN), last]


class Enlarger:
    """Moves enlargements, as Painter does drawings: one window a step, so that nobody waits for more."""

    def __init__(self, upscaler: Upscaler):
        self.upscaler = upscaler

    @torch.inference_mode()
    def step(self, drawings: Sequence[Enlargement]) -> None:
        """Move the first that is not done by one window."""
        job = next(job for job in drawings if job.walk.taken < job.walk.steps)
        top, left = job.walk.corners[job.walk.taken]
        window = images.from_arrays(job.pixels[None, top : top + WINDOW, left : left + WINDOW])
        window = window.to(self.upscaler.input.weight.device)
        (picture,) = images.to_images(self.upscaler(window, job.factor))
        large, (height, width), f = np.asarray(picture), job.pixels.shape[:2], job.factor
        (up, low), (near, end) = _own(top, height), _own(left, width)
        own = large[(up - top) * f : (low - top) * f, (near - left) * f : (end - left) * f]
        job.output[up * f : low * f, near * f : end * f] = own
        job.walk.taken += 1

    def paint(self, drawings: Sequence[Enlargement]) -> list[Image.Image]:
        return [Image.fromarray(job.output) for job in drawings]


def _own(start: int, length: int) -> tuple[int, int]:
    """From where to where the window that begins at `start` is to be believed."""
    end = min(start + WINDOW, length)
    return start + MARGIN if start else 0, end - MARGIN if end < length else length
