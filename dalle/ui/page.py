"""The page: builds header, tabs, footer and API endpoints, and serves them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from dalle import images
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.api import GenerationApi
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.edit.edit_tab import EditTab
from dalle.ui.edit_api import EditApi
from dalle.ui.shared import about
from dalle.ui.shared.checkpoint_picker import CheckpointPicker
from dalle.ui.shared.events import QUEUED, UNQUEUED
from dalle.ui.shared.localization import SET_LANGUAGE_JS, Localizer
from dalle.ui.shared.texts import LANGUAGE_TAGS, LANGUAGES, Translator
from dalle.ui.shared.theme import theme
from dalle.ui.teach.teach_tab import TeachTab

_FOLDER = Path(__file__).parent
# Gradio polls its queue a thousand times a second by default. That takes CPU time from the sampler (the
# picture of a slider appeared 30 ms later) and keeps an idle laptop awake.
QUEUE_POLL_SECONDS = 0.02
# Encrypts what browsers store. Not a secret: it is fixed so that the data stays readable after a restart.
BROWSER_STATE_SECRET = "dalle"
NO_SHARE_LINK = """
No public link could be made: this machine is offline, or its network blocks the tunnel (or the download
of the tunnel program, which happens once). The page itself works, at the local address above. Others can
  on your own network   use this machine's address, after: python app.py --host 0.0.0.0 --auth user:password
  from anywhere         use a copy of this folder that you put on Hugging Face as a Space: it runs as it is
"""
_THEME_ICON = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><circle cx="12" cy="12" r="8.5" '
    'fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" '
    'fill="currentColor"/></svg>'
)


def build(studio: Studio, language: str | None = None, training: TrainingService | None = None) -> gr.Blocks:
    """Build the page.

    language: None gives each visitor the language of their browser.
    training: adds the Teach tab and the checkpoint dropdown.
    """
    initial = language or next(iter(LANGUAGES))
    localized, title = Localizer(initial), Translator(initial)("title")
    with gr.Blocks(title=title, analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        # Endpoints first: Gradio gives an API name to the first event that takes it, and the page's private
        # events have names too.
        GenerationApi(studio)
        EditApi(studio)
        stored_language = gr.BrowserState("", storage_key="dalle-language", secret=BROWSER_STATE_SECRET)
        visitor = gr.BrowserState("", storage_key="dalle-visitor", secret=BROWSER_STATE_SECRET)
        picker, language_choice = _create_header(studio, training, localized)
        teach = None
        with gr.Tabs() as tabs:
            with localized(gr.Tab, {"label": "tab_create"}, id="create"):
                create = CreateTab(studio, localized, language_choice, BROWSER_STATE_SECRET)
            # render_children: Gradio drops updates of a tab that was never opened, such as its translation.
            with localized(gr.Tab, {"label": "tab_edit"}, id="edit", render_children=True):
                edit = EditTab(studio, localized, language_choice, tabs)
            if training:
                with localized(gr.Tab, {"label": "tab_train"}, id="train", render_children=True):
                    teach = TeachTab(studio, training, localized, language_choice, visitor)
            with localized(gr.Tab, {"label": "tab_about"}):
                model_card = about.about_tab(studio, localized)
        footer = about.footer(studio, localized)

        language_changed = localized.follow(language_choice)
        language_choice.input(None, language_choice, stored_language, js="(language) => [language]")
        language_ready = page.load(_initial_language(language), stored_language, language_choice, **UNQUEUED)
        language_ready.then(None, language_choice, js=SET_LANGUAGE_JS)
        create.on_page_load(page, language_ready)
        edit.on_page_load(language_ready, create)
        if picker and teach:
            selected = picker.connect(language_choice, visitor, footer, model_card)
            selected.then(
                create.redraw,
                [language_choice, create.panel.picture_state],
                create.open_outputs,
                **QUEUED,
            )
            # Draws a gallery itself, so it needs no `create.redraw`.
            run_selected = teach.connect_use_button(picker, create, tabs)
            for event in (selected, run_selected):
                event.then(
                    edit.reconstruct,
                    [language_choice, edit.source.picture_state],
                    edit.reconstruct_outputs,
                    **QUEUED,
                )
            teach.on_page_load(page, picker)
            teach.on_language_change(language_changed)
    return page


def _create_header(
    studio: Studio, training: TrainingService | None, localized: Localizer
) -> tuple[CheckpointPicker | None, gr.Radio]:
    """Title, checkpoint dropdown, language and theme switch; -> dropdown and language choice."""
    with gr.Row(elem_id="top"):
        localized(gr.HTML, {"value": _header_html}, apply_default_css=False, scale=1)
        picker = CheckpointPicker(studio, training, localized) if training else None
        language_choice = localized(
            gr.Radio,
            {"label": "language"},
            choices=[(name, key) for key, name in LANGUAGES.items()],
            value=localized.language,
            container=False,
            elem_id="language",
        )
        localized(gr.HTML, {"value": _theme_switch_html}, apply_default_css=False, elem_id="lamp")
    return picker, language_choice


def _initial_language(language: str | None) -> Callable[[gr.Request, str], str]:
    """Handler of the page's load event: the language that it opens in."""

    def initial_language(request: gr.Request, stored: str) -> str:
        if stored in LANGUAGES:  # chosen by the visitor before
            return stored
        return language or preferred_language(request.headers.get("accept-language", ""))

    return initial_language


def preferred_language(header: str) -> str:
    """The first language of an Accept-Language header that the page has, else "en"."""
    tags = (part.split(";")[0].strip().lower()[:2] for part in header.split(","))
    return next((tag for tag in tags if tag in LANGUAGES), "en")


def _header_html(translate: Translator) -> str:
    return (
        f'<header class="mark" lang="{LANGUAGE_TAGS[translate.language]}">{_read("mark.svg")}'
        f"<div><h1>{translate('title')}</h1><p>{translate('tagline')}</p></div></header>"
        f'<p id="offline" role="alert" hidden>{translate("offline")}</p>'
    )


def _theme_switch_html(translate: Translator) -> str:
    label = translate("theme")
    return f'<button type="button" class="lamp" aria-label="{label}" title="{label}">{_THEME_ICON}</button>'


def launch(page: gr.Blocks, **options: Any) -> None:
    """Serve until interrupted; `options` are those of Blocks.launch. Says so if no share link can be made."""
    start(page, **options)
    if options.get("share") and page.share_url is None:
        print(NO_SHARE_LINK)
    page.block_thread()


def start(page: gr.Blocks, max_file_size: int = images.MAX_BYTES, **options: Any) -> None:
    """Serve in the background; `max_file_size` in bytes."""
    page.queue(max_size=256)
    page._queue.sleep_when_free = QUEUE_POLL_SECONDS  # Gradio has no public setting
    page.launch(
        theme=theme(),
        css_paths=_FOLDER / "style.css",
        head=f"<script>{_read('page.js')}</script><script>{_read('edit.js')}</script>",
        favicon_path=_FOLDER / "mark.svg",
        footer_links=["api"],
        max_file_size=max_file_size,
        max_threads=128,  # requests that can wait for the studio at the same time
        enable_monitoring=False,
        run_history=False,
        ssr_mode=False,
        show_error=True,
        prevent_thread_lock=True,
        **options,
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
