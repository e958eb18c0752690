"""How the page's own events behave, said once. What programs may call is in api.py."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr

from dalle.errors import InputError
from dalle.serving.requests import QueueFull
from dalle.ui.shared.texts import LANGUAGES, Translator

View = dict[Any, Any]  # what to change on the page: component -> value

# Progress shown on nothing: else the browser tells every component that ever changed how far each event is,
# twice an event, and a slider's picture comes 60 ms later (chromium, 2 cores).
HIDDEN: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
QUIET = HIDDEN | {"concurrency_limit": None}
# Without Gradio's queue, which would add a round trip and hold visitors up; the studio has its own.
AT_ONCE = HIDDEN | {"queue": False}


# What studio and workshop raise; events without the queue must catch it.
EXPECTED_ERRORS = (QueueFull, ValueError, RuntimeError, OSError)


def error_text(say: Translator, error: Exception, key: str = "failed") -> str:
    """What a visitor is told of one of EXPECTED_ERRORS; `key` is a text with a place for the reason."""
    if isinstance(error, QueueFull):
        return say("busy", waiting=error.waiting)
    return say(key, reason=say.why(error.reason) if isinstance(error, InputError) else error)


def error_html(text: str) -> str:
    return f'<p class="problem" role="alert">{escape(text)}</p>'


@contextmanager
def show_errors(say: Translator, key: str = "failed", duration: float | None = 10) -> Iterator[None]:
    """Trouble inside is told in a corner of the page for `duration` seconds; None: until it is closed."""
    try:
        yield
    except EXPECTED_ERRORS as error:
        message = escape(error_text(say, error, key))
        raise gr.Error(message, duration, print_exception=False) from error


def confirm_js(key: str) -> str:
    """JavaScript that asks before an event; its first input, the language, is emptied by a no."""
    asked = json.dumps({language: Translator(language)(key) for language in LANGUAGES}, ensure_ascii=False)
    return f"(language, ...rest) => [confirm({asked}[language]) ? language : '', ...rest]"


class Running:
    """What is being drawn for whom, so that each visitor can stop their own."""

    def __init__(self) -> None:
        self._cancels: dict[str | None, threading.Event] = {}  # by session

    def begin(self, request: gr.Request) -> threading.Event:
        """-> what to give to the studio; it is set by `stop`."""
        cancel = self._cancels[request.session_hash] = threading.Event()
        return cancel

    def stop(self, request: gr.Request) -> None:
        if cancel := self._cancels.get(request.session_hash):
            cancel.set()

    def end(self, request: gr.Request) -> None:
        self._cancels.pop(request.session_hash, None)
