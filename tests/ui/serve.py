"""Serves the page of a studio to a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def serving(studio: object, folder: Path, **options: Any) -> Iterator[str]:
    """Serve a studio's page, with options of `build`; gives its address. Gradio's files go to `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        from gradio import networking

        from dalle.ui.page import build, start

        patch.setattr(networking, "url_ok", lambda url: True)  # it gives a busy machine three seconds
        page = build(studio, **options)
        start(page, server_name="127.0.0.1", quiet=True)
        yield page.local_url
        page.close()
