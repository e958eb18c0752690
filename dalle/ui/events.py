"""How the page's own events behave, said once. What programs may call is in api.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr

from dalle.studio import Busy
from dalle.ui.strings import Say

View = dict[Any, Any]  # what to change on the page: component -> value

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
# Without Gradio's queue, which would add a round trip and hold visitors up; the studio has its own.
AT_ONCE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


@contextmanager
def told(say: Say, key: str = "failed", duration: float | None = 10) -> Iterator[None]:
    """What goes wrong inside is said on the page for `duration` seconds; None: until it is closed."""
    try:
        yield
    except Busy as busy:
        raise _error(say, say("busy", waiting=busy.waiting), duration) from busy
    except (ValueError, RuntimeError) as error:
        raise _error(say, say(key, reason=escape(str(error))), duration) from error


def _error(say: Say, message: str, duration: float | None) -> gr.Error:
    return gr.Error(message, duration, title=say("sorry"), print_exception=False)
