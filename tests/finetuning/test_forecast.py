"""The forecast of a run's time."""

import pytest
import torch

from dalle import runtime
from dalle.finetuning import forecast, plan
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("module_accelerator")


def test_measuring_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a measurement that trains the model in use, or changes the global random state."""
    monkeypatch.setattr(runtime, "bfloat16_is_faster", lambda: False)
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    times = forecast.measure_step_times(model)
    assert times.flow_step > 0 and times.generator_step > 0
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_time_depends_on_the_preset() -> None:
    """Guards against a time without the drawing, or without the Generator's training where it adapts."""
    times = forecast.StepTimes(flow_step=1.0, generator_step=0.5)
    alone = times.seconds("quick", adapts_generator=False)
    assert times.seconds("quick", adapts_generator=True) - alone == pytest.approx(30)
    assert 330 < alone < 400
    seconds = [times.seconds(preset, adapts_generator=False) for preset in plan.FINETUNE_PRESETS]
    assert seconds == sorted(seconds)
