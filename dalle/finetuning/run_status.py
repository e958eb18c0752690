"""status.json of a run: how far it is, written by the process that trains and read by everybody."""

import json
import shutil
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dalle.files import write_text_atomically

ACTIVE_STATES = ("preparing", "training", "saving")
REPORT_INTERVAL = 0.5  # seconds between two writes of status.json while the state is the same
SPEED_WINDOW = 32  # latest reports, from which the time left is estimated
MAX_ERROR_LENGTH = 2_000  # characters
MIN_FREE_BYTES = 2**20  # a disk with less is full


@dataclass(frozen=True)
class Status:
    """The state of a run. The names of the fields are the keys of status.json."""

    state: str  # waiting | preparing | training | saving | done | stopped | failed | interrupted
    step: int = 0
    steps: int = 0  # in all
    loss: float | None = None
    seconds_left: float | None = None
    heartbeat: float = 0.0  # when it was written, in seconds since 1970
    error: str = ""  # why the run failed

    @classmethod
    def read(cls, run: Path) -> "Status":
        """The status in the folder of a run; "preparing" if there is none, or a damaged one."""
        try:
            return cls(**json.loads((run / "status.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls("preparing")


class StatusReporter:
    """Writes the status of a run while it trains; the ProgressCallback of its stages.

    The run is to stop once there is a file `stop` in its folder.
    """

    def __init__(self, run: Path):
        self.path, self.stop_request = run / "status.json", run / "stop"
        self.status = Status("preparing")
        self.times: deque[tuple[int, float]] = deque(maxlen=SPEED_WINDOW)  # step, seconds

    def __call__(self, state: str, step: int = 0, steps: int = 0, loss: float | None = None) -> bool:
        """Report a step; -> whether the run is to stop."""
        stop, new_state = self.stop_request.exists(), state != self.status.state
        if new_state:
            self.times.clear()
        self.times.append((step, time.monotonic()))
        if stop or new_state or time.time() > self.status.heartbeat + REPORT_INTERVAL:
            seconds_left = self._seconds_left(steps) if state == "training" else None
            loss = self.status.loss if loss is None else loss
            self.write(Status(state, step, steps, loss, seconds_left))
        return stop

    def end(self, state: str, error: str = "") -> None:
        """Report the last state of the run, and remove a request to stop."""
        self.write(replace(self.status, state=state, error=error, seconds_left=None))
        self.stop_request.unlink(missing_ok=True)

    def write(self, status: Status) -> None:
        """Write status.json with the time of now."""
        self.status = replace(status, heartbeat=time.time())
        text = json.dumps(asdict(self.status)) + "\n"
        try:
            write_text_atomically(self.path, text)
        except OSError:  # on a full disk there is still the room of the old file
            with self.path.open("r+", encoding="utf-8") as file:
                file.write(text)
                file.truncate()

    def _seconds_left(self, steps: int) -> float | None:
        (first_step, start), (last_step, now) = self.times[0], self.times[-1]
        if last_step == first_step:
            return None
        return (steps - last_step) * (now - start) / (last_step - first_step)


def describe_error(error: Exception, folder: Path) -> str:
    """The text of an error for status.json; `folder` tells whether its disk is full."""
    expected = isinstance(error, ValueError | RuntimeError | OSError)
    text = (str(error) if expected else f"{type(error).__name__}: {error}")[:MAX_ERROR_LENGTH]
    # Not every library passes on the error of the system, so look at the disk too.
    if "No space left" in text or shutil.disk_usage(folder).free < MIN_FREE_BYTES:
        return f"the disk is full ({text}); make room and start the run again, it goes on from its last save"
    return text
