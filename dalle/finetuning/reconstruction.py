"""How well a checkpoint reconstructs images: whether its Generator has to adapt to them."""

import numpy as np
import torch
from PIL import Image

from dalle import images
from dalle.finetuning.encoded_dataset import ENCODE_BATCH, encode_images
from dalle.networks.model import DALLEModel

GRID_IMAGES = 6  # at most, in a grid of reconstructions


class ReconstructionQuality:
    """Images (M, S, S, 3) uint8, their reconstructions by FeatureExtractor and Generator, and the PSNR."""

    def __init__(self, model: DALLEModel, pixels: np.ndarray):
        with torch.inference_mode():
            features = torch.from_numpy(encode_images(model, pixels)).to(model.device)
            self.outputs = [
                image
                for batch in features.split(ENCODE_BATCH)
                for image in images.to_images(model.render(batch))
            ]
        self.originals = [Image.fromarray(array) for array in pixels]
        psnr = images.psnr(images.from_images(self.originals), images.from_images(self.outputs))
        self.psnr = float(psnr.clamp(max=99).mean())  # dB, mean over the images

    def grid(self) -> Image.Image:
        """The first images above their reconstructions."""
        pairs = self.originals[:GRID_IMAGES] + self.outputs[:GRID_IMAGES]
        return images.grid(pairs, min(GRID_IMAGES, len(self.originals)))
