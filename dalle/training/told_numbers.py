"""From a checkpoint whose codes are all learnt to one whose first numbers are told: camera and light."""

import dataclasses

import torch
from torch import Tensor

from dalle.config import CAMERA_NUMBERS, LIGHT_NUMBERS, Config
from dalle.networks.model import DALLEModel

TOLD = CAMERA_NUMBERS + LIGHT_NUMBERS


def with_told_numbers(model: DALLEModel) -> DALLEModel:
    """The same networks with a code of told numbers, which do nothing before they are trained, then as many
    of the old ones as have room: the first, which act most. A model with told numbers comes back as it is.
    """
    if model.config.flow.told:
        return model
    flow = dataclasses.replace(model.config.flow, learnt=model.config.flow.code - TOLD)
    config = dataclasses.replace(model.config, flow=flow)
    told = DALLEModel(config, model.tokenizer)
    told.load_state_dict(_converted(model.state_dict(), told, config))
    return told


def _converted(old: dict[str, Tensor], told: DALLEModel, config: Config) -> dict[str, Tensor]:
    learnt = config.flow.learnt
    state = dict(old)
    code = torch.zeros_like(old["normalizer.velocity.code.weight"])
    code[:, TOLD:] = old["normalizer.velocity.code.weight"][:, :learnt]
    state["normalizer.velocity.code.weight"] = code
    tokens = "normalizer.velocity.code_tokens"
    state[tokens] = torch.zeros_like(told.state_dict()[tokens])
    for name in ("normalizer.reader.output.weight", "normalizer.reader.output.bias"):
        mean, log_variance = old[name].chunk(2)
        halves = [torch.cat([torch.zeros_like(half[:TOLD]), half[:learnt]]) for half in (mean, log_variance)]
        state[name] = torch.cat(halves)
    return state
