"""Checkpoints so small that they draw in milliseconds: untrained, but every recipe gives another picture."""

from dataclasses import replace
from pathlib import Path

import torch

from dalle.config import PRESETS, Config
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.networks.upscaler import Upscaler
from dalle.pipeline.dalle import DALLE

CAPTIONS = ("a red apple", "a dog", "a green cat to the left of a red house", "ein Hund", "苹果")


TOLD_CONFIG = replace(PRESETS["tiny"], flow=replace(PRESETS["tiny"].flow, learnt=8))  # camera and light told


def tiny_model(seed: int = 0, config: Config = PRESETS["tiny"]) -> DALLEModel:
    """Random networks; layers that start at zero are random too, or all pictures would be alike."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = DALLEModel(config, Tokenizer.train(CAPTIONS, config.text.vocabulary, config.text.length))
        for parameter in model.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.2)
        for layer in (model.normalizer.velocity.code, model.normalizer.velocity.embedding):
            layer.weight.data.mul_(4)
    return model.eval().requires_grad_(False)


def tiny_pipeline(seed: int = 0, config: Config = PRESETS["tiny"]) -> DALLE:
    """`tiny_model` as a pipeline that nothing else belongs to."""
    return DALLE(tiny_model(seed, config))


def tiny_checkpoint(folder: Path, seed: int = 0, card: str = "", config: Config = PRESETS["tiny"]) -> Path:
    """Write one into `folder`."""
    tiny_pipeline(seed, config).save_pretrained(folder, card)
    return folder


def random_upscaler(width: int = 16, blocks: int = 10) -> Upscaler:
    """Untrained, with random weights in the layers that start at zero too."""
    network = Upscaler(width, blocks)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network.eval().requires_grad_(False)
