"""The training state on disk: one safetensors file with networks, optimizers and the step."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor


class TrainingError(RuntimeError):
    """Training cannot continue; the message says why and where the last good state is."""


def save(
    path: Path,
    header: Mapping[str, str],
    networks: Mapping[str, Tensor],
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Write a state atomically: a kill or power cut leaves the old file or the new one.

    `header` holds "step" and "settings" (JSON). Raises TrainingError where the file cannot be written.
    """
    tensors = dict(networks)
    for index, optimizer in enumerate(optimizers):
        for number, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{number}.{n}": v for n, v in state.items()}
    tensors = {n: t.contiguous().cpu() for n, t in tensors.items()}
    scratch = path.with_suffix(".writing")
    try:
        safetensors.torch.save_file(tensors, scratch, dict(header))
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except (OSError, safetensors.SafetensorError) as error:
        scratch.unlink(missing_ok=True)
        raise TrainingError(
            f"the state of step {header['step']} could not be written to {path} ({error}); "
            "an older one stays as it was"
        ) from error


def load(
    path: Path,
    uses_muon: bool,
    networks: Mapping[str, Tensor],
    optimizers: Sequence[torch.optim.Optimizer],
) -> dict[str, str]:
    """Copy a state into `networks` and `optimizers` -> its header.

    Raises TrainingError where the file is damaged, or from a run with other tensors or optimizers.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = file.metadata() or {}
        settings = json.loads(header["settings"])
        # States written before the field was renamed call it "muon".
        muon = settings["muon_learning_rate" if "muon_learning_rate" in settings else "muon"]
        if bool(muon) != uses_muon:
            raise ValueError(f"its optimizers are those of muon={muon}")
        tensors = safetensors.torch.load_file(path)
        saved = {n: tensors.pop(n) for n in list(tensors) if n.startswith("optimizer.")}
        expected, found = ({n: t.shape for n, t in side.items()} for side in (networks, tensors))
        if differing := sorted(expected.items() ^ found.items()):
            raise ValueError(f"its tensors are others, {differing[0][0]} for one")
        with torch.no_grad():
            for name, tensor in networks.items():
                tensor.copy_(tensors[name])
        for index, optimizer in enumerate(optimizers):
            _restore(optimizer, saved, f"optimizer.{index}.")
        int(header["step"])
        return header
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise TrainingError(
            f"{path} does not fit this run ({error}); choose another folder or delete it"
        ) from error


def _restore(optimizer: torch.optim.Optimizer, saved: Mapping[str, Tensor], prefix: str) -> None:
    """Load an optimizer's state from tensors named prefix + parameter number + "." + key."""
    groups = optimizer.state_dict()["param_groups"]
    state: dict[int, dict[str, Tensor]] = {}
    for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
        start = f"{prefix}{number}."
        state[number] = {n.removeprefix(start): t for n, t in saved.items() if n.startswith(start)}
        for key, tensor in state[number].items():
            # Same memory format as the parameter: torch's fused AdamW walks both in memory order.
            if tensor.shape == parameter.shape:
                state[number][key] = torch.empty_like(parameter).copy_(tensor)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
