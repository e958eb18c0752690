"""Components whose texts follow the language that the visitor chose."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gradio as gr
from gradio.events import Dependency

from dalle.ui.shared.events import UNQUEUED
from dalle.ui.shared.texts import LANGUAGE_TAGS, LANGUAGES, Translator

# What a property of a component shows: the key of a text, or a function that makes the value.
Text = str | Callable[[Translator], Any]
C = TypeVar("C")


class Localizer:
    """Creates components with texts in `language`, and translates all of them when the visitor changes it."""

    def __init__(self, language: str):
        self.language = language
        self._components: list[tuple[Any, Mapping[str, Text]]] = []

    def __call__(self, component: Callable[..., C], texts: Mapping[str, Text], **properties: Any) -> C:
        """Create a component; `texts` gives each property that depends on the language."""
        created = component(**_translated(texts, Translator(self.language)), **properties)
        self._components.append((created, texts))
        return created

    def heading(self, key: str) -> gr.Row:
        """A row that starts with a heading; components created inside it stand at its end."""
        with gr.Row(elem_classes="heading") as row:
            self(gr.HTML, {"value": lambda translate: f"<h2>{translate(key)}</h2>"}, apply_default_css=False)
        return row

    def upload_button(self, key: str, elem_id: str, **properties: Any) -> gr.UploadButton:
        return self(gr.UploadButton, {"label": key}, size="sm", elem_id=elem_id, **properties)

    def follow(self, language: gr.Radio) -> Dependency:
        """Translate all components whenever `language` changes; -> that event."""
        components = [component for component, _ in self._components]
        return language.change(self._translate_all, language, components, js=SET_LANGUAGE_JS, **UNQUEUED)

    def _translate_all(self, language: str) -> list[dict[str, Any]]:
        translate = Translator(language)
        return [gr.update(**_translated(texts, translate)) for _, texts in self._components]


def _translated(texts: Mapping[str, Text], translate: Translator) -> dict[str, Any]:
    return {
        name: translate(text) if isinstance(text, str) else text(translate) for name, text in texts.items()
    }


_TITLES = {language: Translator(language)("title") for language in LANGUAGES}
# For the browser's title bar, and for screen readers.
SET_LANGUAGE_JS = f"""(language) => {{
    document.documentElement.lang = {LANGUAGE_TAGS}[language];
    document.title = {_TITLES}[language];
    return [language];
}}"""
