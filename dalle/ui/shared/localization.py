"""Components whose words follow the language that the visitor chose."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from dalle.ui.shared.events import AT_ONCE
from dalle.ui.shared.texts import LANGUAGES, TAGS, Translator

Texts = Callable[[Translator], dict[str, Any]]  # the properties of a component that hold words


class Localizer:
    """Makes components with words, and changes the words of all of them at once."""

    def __init__(self, language: str):
        self.language = language
        self._known: list[tuple[Any, Texts]] = []

    def __call__(self, kind: Callable[..., Any], texts: Texts, **properties: Any) -> Any:
        """A component; `texts(say)` gives the properties that depend on the language."""
        component = kind(**texts(Translator(self.language)), **properties)
        self._known.append((component, texts))
        return component

    def heading(self, key: str) -> gr.Row:
        """A row that begins with a heading; what is made within it stands at its end."""
        with gr.Row(elem_classes="heading") as row:
            self(gr.HTML, lambda say: {"value": f"<h2>{say(key)}</h2>"}, apply_default_css=False)
        return row

    def upload(self, key: str, name: str, **properties: Any) -> Any:
        """A small button that opens files; `name` is its id."""
        return self(gr.UploadButton, lambda say: {"label": say(key)}, size="sm", elem_id=name, **properties)

    def follow(self, choice: gr.Radio) -> Any:
        """From now on the language is what `choice` holds; -> the event of another one."""
        known = [component for component, _ in self._known]
        return choice.change(self._translated, choice, known, js=TELL, **AT_ONCE)

    def _translated(self, language: str) -> list[dict[str, Any]]:
        say = Translator(language)
        return [gr.update(**texts(say)) for _, texts in self._known]


TITLES = {language: Translator(language)("title") for language in LANGUAGES}
# Tells the browser, for its title bar and for programs that read aloud.
TELL = f"""(language) => {{
    document.documentElement.lang = {TAGS}[language];
    document.title = {TITLES}[language];
    return [language];
}}"""
