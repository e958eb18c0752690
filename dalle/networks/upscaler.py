"""Upscaler: super-resolution of icons by 2 and by 4, a file of its own beside a checkpoint's.

    pictures (B, 3, H, W) in [-1, 1]  -->  (B, 3, F H, F W), about [-1, 1], F = 2 or 4

One trunk of residual blocks at the small size and a head for each factor (EDSR, arXiv:1707.02921, without
norms, so that a window of a picture gives what the whole would). What it adds to cubic interpolation starts
at zero. Large pictures go through it window by window.
"""

import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.edits import FACTORS

FILE = "upscaler.safetensors"

WIDTH, BLOCKS = 64, 10

MOST = (256, 32)  # width and blocks of a file that is read: one from elsewhere must not fill the memory


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
