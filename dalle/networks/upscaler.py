"""Upscaler: super-resolution by 2 and by 4, in a file of its own in a checkpoint's folder.

    images (B, 3, H, W) in [-1, 1]  -->  (B, 3, F H, F W), about [-1, 1], F = 2 or 4

EDSR (arXiv:1707.02921): residual blocks without norms at the small size, and an output head for each factor.
Since nothing is normalised over the image, a window of an image gives the same as the whole. The output is
added to bicubic interpolation and starts at zero.
"""

import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.edits import UPSCALE_FACTORS
from dalle.networks.layers import zero_parameters

UPSCALER_FILE = "upscaler.safetensors"
UPSCALER_WIDTH, UPSCALER_BLOCKS = 64, 10
MAX_WIDTH, MAX_BLOCKS = 256, 32  # of a file that is read: a foreign one must not fill the memory


class UpscalerBlock(nn.Module):
    """Two convolutions with a skip connection; starts as the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        zero_parameters(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.conv2(F.silu(self.conv1(x)))


class Upscaler(nn.Module):
    """The network; `digest` is the first 12 hex digits of its file's SHA-256, empty for new weights."""

    def __init__(self, width: int = UPSCALER_WIDTH, blocks: int = UPSCALER_BLOCKS):
        super().__init__()
        self.width, self.digest = width, ""
        self.input = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(UpscalerBlock(width) for _ in range(blocks))
        self.heads = nn.ModuleDict(
            {str(f): nn.Conv2d(width, 3 * f * f, 3, padding=1) for f in UPSCALE_FACTORS}
        )
        zero_parameters(self.heads)

    def trunk(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) -> features (B, C, H, W), for either head."""
        x = images.to(self.input.weight.dtype).contiguous(memory_format=torch.channels_last)
        x = self.input(x)
        for block in self.blocks:
            x = block(x)
        return F.silu(x)

    def head(self, features: Tensor, images: Tensor, factor: int) -> Tensor:
        """features (B, C, H, W) of `trunk`, images (B, 3, H, W) -> (B, 3, F H, F W)."""
        residual = F.pixel_shuffle(self.heads[str(factor)](features), factor).float()
        return F.interpolate(images.float(), scale_factor=factor, mode="bicubic") + residual

    def forward(self, images: Tensor, factor: int) -> Tensor:
        """(B, 3, H, W) -> (B, 3, F H, F W)."""
        return self.head(self.trunk(images), images, factor)

    # --- files

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype = torch.float32) -> "Upscaler | None":
        """The upscaler of a checkpoint folder, or None; raises ValueError where its file is damaged."""
        path = Path(folder) / UPSCALER_FILE
        if not path.is_file():
            return None
        try:
            with safetensors.safe_open(path, "pt") as file:
                header = json.loads(file.metadata()["upscaler"])
            sizes, bounds = (header["width"], header["blocks"]), (MAX_WIDTH, MAX_BLOCKS)
            if not all(type(s) is int and 1 <= s <= most for s, most in zip(sizes, bounds, strict=True)):
                raise ValueError(f"its sizes are {sizes}; ours are at most {bounds}")
            with torch.random.fork_rng(devices=[]):
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
        """Write the file in bf16; the same weights give the same bytes."""
        state = {n: t.detach().to("cpu", torch.bfloat16).contiguous() for n, t in self.state_dict().items()}
        header = json.dumps({"width": self.width, "blocks": len(self.blocks)})
        safetensors.torch.save_file(state, Path(folder) / UPSCALER_FILE, {"upscaler": header})
