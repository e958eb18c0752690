"""From a checkpoint whose codes are all learnt to one whose first numbers are told: view, then light."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from dalle.config import LIGHT_NUMBERS, VIEW_NUMBERS
from dalle.networks.model import DALLEModel

TOLD = VIEW_NUMBERS + LIGHT_NUMBERS


def with_told_numbers(model: DALLEModel, told: int = TOLD, kept: Sequence[int] = ()) -> DALLEModel:
    """The same networks with a code of `told` told numbers, then learnt ones. Light does nothing untrained.

    kept: which of the old learnt numbers stay, by their indices in the old code, in the order in which they
    are to stand; by default the first. The others are fixed at 0, their mean. A model that has as many told
    numbers comes back as it is. Raises ValueError for a number that is told already, or too many or few.
    """
    old = model.config.flow
    if old.told == told:
        return model
    learnt = old.code - told
    kept = list(kept) or list(range(old.told, old.told + learnt))
    if len(set(kept)) != learnt or not set(kept) <= set(range(old.told, old.code)):
        raise ValueError(f"{learnt} learnt numbers have to stay, each once; got {kept} of {old.code}")
    config = dataclasses.replace(model.config, flow=dataclasses.replace(old, learnt=learnt))
    converted = DALLEModel(config, model.tokenizer)
    converted.load_state_dict(_converted(model.state_dict(), converted.state_dict(), told, kept))
    return converted


def _converted(
    old: dict[str, Tensor], new: dict[str, Tensor], told: int, kept: Sequence[int]
) -> dict[str, Tensor]:
    """The old weights with columns and rows of the code's numbers in their new places, else zeros."""
    state = {name: old.get(name, torch.zeros_like(tensor)) for name, tensor in new.items()}
    rows = list(kept)
    code = old["normalizer.velocity.code.weight"]
    state["normalizer.velocity.code.weight"] = torch.cat([torch.zeros_like(code[:, :told]), code[:, rows]], 1)
    for name in ("normalizer.reader.output.weight", "normalizer.reader.output.bias"):
        halves = [torch.cat([torch.zeros_like(half[:told]), half[rows]]) for half in old[name].chunk(2)]
        state[name] = torch.cat(halves)
    return state
