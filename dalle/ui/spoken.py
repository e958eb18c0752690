"""Components whose words follow the language that the visitor chose."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from dalle.ui.strings import LANGUAGES, Say

Texts = Callable[[Say], dict[str, Any]]  # the properties of a component that hold words


class Spoken:
    """Makes components with words, and changes the words of all of them at once."""

    def __init__(self, language: str):
        self.language = language
        self._known: list[tuple[Any, Texts]] = []

    def __call__(self, kind: Callable[..., Any], texts: Texts, **properties: Any) -> Any:
        """A component; `texts(say)` gives the properties that depend on the language."""
        component = kind(**texts(Say(self.language)), **properties)
        self._known.append((component, texts))
        return component

    def follow(self, choice: gr.Radio) -> None:
        """From now on the language is what `choice` holds."""
        choice.change(
            self._translated,
            choice,
            [component for component, _ in self._known],
            js="(language) => [dalle.speak(language)]",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def _translated(self, language: str) -> list[dict[str, Any]]:
        say = Say(language)
        return [gr.update(**texts(say)) for _, texts in self._known]


def choice_of_language(language: str, label: str) -> gr.Radio:
    names = [(name, key) for key, name in LANGUAGES.items()]
    return gr.Radio(names, value=language, label=label, elem_id="language", container=False)
