"""Options, error messages and cancellation that the events of all tabs share."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr
from gradio.blocks import BlockContext
from gradio.components import Component

from dalle.errors import InputError
from dalle.serving.requests import QueueFull
from dalle.ui.shared.texts import LANGUAGES, Translator

Outputs = list[Component | BlockContext]  # what an event may change
Updates = dict[Any, Any]  # what an event changes: component -> new value, or gr.update(...)

# show_progress_on=[]: otherwise the browser updates the progress of every component that ever changed, twice
# an event, and a slider's picture appears 60 ms later (Chromium, 2 cores).
_NO_PROGRESS: dict[str, Any] = {
    "show_progress": "hidden",
    "show_progress_on": [],
    "api_visibility": "private",
}
QUEUED: dict[str, Any] = _NO_PROGRESS | {"concurrency_limit": None}
# Gradio's queue would add a round trip and make visitors wait for each other; the studio has its own queue.
UNQUEUED: dict[str, Any] = _NO_PROGRESS | {"queue": False}

# What Studio and TrainingService raise. Handlers of UNQUEUED events must catch these.
EXPECTED_ERRORS = (QueueFull, ValueError, RuntimeError, OSError)


def error_text(translate: Translator, error: Exception, key: str = "failed") -> str:
    """The message for one of EXPECTED_ERRORS; `key` names a text with the field `reason`."""
    if isinstance(error, QueueFull):
        return translate("busy", waiting=error.waiting)
    reason = translate.error_message(error.message) if isinstance(error, InputError) else error
    return translate(key, reason=reason)


def error_html(text: str) -> str:
    return f'<p class="problem" role="alert">{escape(text)}</p>'


@contextmanager
def show_errors(translate: Translator, key: str = "failed", duration: float | None = 10) -> Iterator[None]:
    """Turn EXPECTED_ERRORS into gr.Error, which the page shows in a corner.

    `key`: as for error_text. `duration`: seconds; None shows the message until the visitor closes it.
    """
    try:
        yield
    except EXPECTED_ERRORS as error:
        message = escape(error_text(translate, error, key))
        raise gr.Error(message, duration, print_exception=False) from error


def confirm_js(key: str) -> str:
    """JavaScript that asks for confirmation before an event whose first input is the language.

    If the visitor declines, the handler gets "" as language.
    """
    questions = json.dumps(
        {language: Translator(language)(key) for language in LANGUAGES}, ensure_ascii=False
    )
    return f"(language, ...rest) => [confirm({questions}[language]) ? language : '', ...rest]"


class CancelEvents:
    """The cancel event of each session's running generation or edit, so that visitors stop only their own."""

    def __init__(self) -> None:
        self._by_session: dict[str | None, threading.Event] = {}

    def create(self, request: gr.Request) -> threading.Event:
        """A new event for this session, to be passed to the studio; `set` sets it."""
        cancel = self._by_session[request.session_hash] = threading.Event()
        return cancel

    def set(self, request: gr.Request) -> None:
        if cancel := self._by_session.get(request.session_hash):
            cancel.set()

    def remove(self, request: gr.Request) -> None:
        self._by_session.pop(request.session_hash, None)
