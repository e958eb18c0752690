"""DALLEModel: all networks of a checkpoint, and the two directions between images and latents.

images (B, 3, S, S) in [-1, 1], Caption  --encode-->  Latent  --decode-->  images
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dalle.config import CAMERA_NUMBERS, VIEW_NUMBERS, Config
from dalle.networks import camera, colour
from dalle.networks.autoencoder import FeatureExtractor, Generator
from dalle.networks.flow import InverseNormalizer, Latent, Normalizer
from dalle.networks.image_tower import ImageTower
from dalle.networks.solver import OnStep, apply_guidance, guided_indices
from dalle.networks.text_encoder import Caption, TextEncoder, Tokenizer

TEXT_BATCH = 128  # captions encoded at once


class DALLEModel(nn.Module):
    """The networks with their tokenizer.

    digest: the first 12 hex digits of the SHA-256 of the file that the weights are from; empty for new ones.
    """

    def __init__(self, config: Config, tokenizer: Tokenizer, digest: str = ""):
        super().__init__()
        self.config, self.tokenizer, self.digest = config, tokenizer, digest
        self.extractor = FeatureExtractor(config.autoencoder)
        self.generator = Generator(config.autoencoder)
        self.text = TextEncoder(config.text)
        self.tower = ImageTower(config.tower, config.text.embedding)
        self.normalizer = Normalizer(config)
        self.inverse_normalizer = InverseNormalizer(self.normalizer)

    @property
    def device(self) -> torch.device:
        return self.generator.mean.device

    @property
    def dtype(self) -> torch.dtype:
        return self.normalizer.velocity.input.weight.dtype

    def sizes(self) -> dict[str, int]:
        """Number of parameters of each network, by class name; the InverseNormalizer has none of its own."""
        return {type(part).__name__: sum(p.numel() for p in part.parameters()) for part in self.children()}

    # --- text

    def encode_text(self, texts: Sequence[str]) -> Caption:
        """B texts -> Caption."""
        return self.text(self.tokenizer(texts).to(self.device))

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> Tensor:
        """B texts -> unit vectors (B, E) in the space shared with the ImageTower."""
        starts = range(0, len(texts), TEXT_BATCH)
        return torch.cat([self.encode_text(texts[start : start + TEXT_BATCH]).embedding for start in starts])

    # --- images and features

    def extract(self, images: Tensor) -> Tensor:
        """images (B, 3, S, S) in [-1, 1] -> features (B, N, C) float32."""
        return self.extractor(images.to(self.device, self.dtype)).float()

    def render(self, features: Tensor) -> Tensor:
        """features (B, N, C) -> images (B, 3, S, S) in [-1, 1], float32."""
        return self.generator(features.to(self.dtype)).float()

    def view(self, images: Tensor, code: Tensor) -> Tensor:
        """Rendered images (B, 3, S, S) in the colours and by the cameras of code (B, K) -> the same, float32.

        Unchanged without told numbers.
        """
        if not self.config.flow.told:
            return images
        view = code[:, :VIEW_NUMBERS].to(images)
        coloured = colour.render(images, view[:, CAMERA_NUMBERS:])
        return camera.render(coloured, view[:, :CAMERA_NUMBERS])

    # --- images and latents

    @torch.inference_mode()
    def encode(
        self, images: Tensor, caption: Caption, steps: int = 24, on_step: OnStep | None = None
    ) -> Latent:
        """images (B, 3, S, S) in [-1, 1] -> latent, without guidance."""
        return self.normalizer(self.extract(images), caption, steps, on_step)

    @torch.inference_mode()
    def decode(
        self,
        latent: Latent,
        caption: Caption,
        guidance: Sequence[float],
        steps: int = 24,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """latent (B) -> images (B, 3, S, S) in [-1, 1].

        guidance: B strengths, 1 is none. caption: B captions, then the negative ones of the samples with
        guidance, in the order of `solver.guided_indices`.
        """
        code = torch.cat([latent.code, latent.code[guided_indices(guidance)]]).to(self.device)
        features = self.inverse_normalizer(
            Latent(code, latent.noise.to(self.device).float()),
            caption,
            steps,
            on_step,
            lambda field: apply_guidance(field, guidance),
        )
        return self.view(self.render(features), latent.code)
