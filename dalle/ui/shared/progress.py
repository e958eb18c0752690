"""Progress bar as HTML."""

import math
from html import escape

from dalle.serving.requests import Frame
from dalle.ui.shared.texts import Translator


def progress(say: Translator, frame: Frame) -> str:
    text = say("progress", step=frame.step, steps=frame.steps)
    if frame.seconds_left is not None and frame.step < frame.steps:
        text += f" · {say('left', seconds=math.ceil(frame.seconds_left))}"
    return bar(text, frame.step / frame.steps)


def bar(text: str, share: float | None = None) -> str:
    """A progress bar with its words; without a share it only says that something goes on."""
    value = "" if share is None else f' value="{share:.3f}"'
    return f"<label aria-live='off'><progress{value}></progress><span>{escape(text)}</span></label>"
