"""Progress bar as HTML."""

import math
from html import escape

from dalle.serving.requests import Frame
from dalle.ui.shared.texts import Translator

# For a status component: screen readers announce its new text (the progress bar itself has aria-live="off").
LIVE_REGION_JS = "element.setAttribute('aria-live', 'polite')"


def frame_progress(translate: Translator, frame: Frame) -> str:
    """Progress bar with the step and the remaining time of a request."""
    text = translate("progress", step=frame.step, steps=frame.steps)
    if frame.seconds_left is not None and frame.step < frame.steps:
        text += f" · {translate('left', seconds=math.ceil(frame.seconds_left))}"
    return progress_bar(text, frame.step / frame.steps)


def progress_bar(text: str, fraction: float | None = None) -> str:
    """Progress bar with a label; indeterminate if `fraction` is None."""
    value = "" if fraction is None else f' value="{fraction:.3f}"'
    return f"<label aria-live='off'><progress{value}></progress><span>{escape(text)}</span></label>"
