"""The plan of a run: checked values, and the keys of plan.json."""

import json
from pathlib import Path

import pytest

from dalle.finetuning.plan import Plan, make_plan


@pytest.mark.parametrize(
    ("field", "value"),
    [("steps", 0), ("replay_samples", -1), ("seed", 2**31), ("steps", 1.5), ("resize_mode", "stretch")],
)
def test_a_plan_is_checked(field: str, value: object, tmp_path: Path) -> None:
    """Guards against a run that fails hours after a wrong value."""
    with pytest.raises(ValueError, match=str(value)):
        make_plan(tmp_path, **{field: value})


def test_a_plan_is_saved_and_loaded(tmp_path: Path) -> None:
    """Guards against presets and values that are lost, and keys of plan.json that are ignored."""
    with pytest.raises(ValueError, match="no preset 'slow'; there are quick, good, thorough"):
        make_plan(tmp_path, "slow")
    plan = make_plan(tmp_path, "good", horizontal_flip=True)
    plan.save(tmp_path)
    assert Plan.load(tmp_path) == plan
    values = json.loads((tmp_path / "plan.json").read_text())
    assert (values["prior"], values["how"], values["flips"]) == (256, "crop", True)
    (tmp_path / "plan.json").write_text(json.dumps(values | {"shell": "rm"}))
    with pytest.raises(ValueError, match="start a new run"):
        Plan.load(tmp_path)
