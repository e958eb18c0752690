"""The page: header, tabs, footer; and how it is served."""

from pathlib import Path
from typing import Any

import gradio as gr

from dalle import images
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.api import Api
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.edit.edit_tab import EditTab
from dalle.ui.edit_api import EditApi
from dalle.ui.shared import about
from dalle.ui.shared.checkpoint_picker import CheckpointPicker
from dalle.ui.shared.events import AT_ONCE, QUIET
from dalle.ui.shared.localization import TELL, Localizer
from dalle.ui.shared.texts import LANGUAGES, TAGS, Translator
from dalle.ui.shared.theme import theme
from dalle.ui.teach.teach_tab import TeachTab

HERE = Path(__file__).parent
# Seconds between two looks of Gradio at its queue, which are a thousand a second unless told otherwise. Each
# takes the cores from who draws, so that a slider's picture came 30 ms later, and wakes an idle laptop.
LOOK = 0.02
SECRET = "dalle"  # fixed, so that what a browser keeps is readable after a restart; it hides nothing


def build(studio: Studio, language: str | None = None, workshop: TrainingService | None = None) -> gr.Blocks:
    """The whole page. Without a language each visitor gets that of their browser.

    With a workshop visitors may train, and choose the checkpoint that draws.
    """
    first = language or next(iter(LANGUAGES))
    spoken, say = Localizer(first), Translator(first)
    with gr.Blocks(title=say("title"), analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        # First: Gradio gives a name to whom asks first, and private events have names too.
        Api(studio)
        EditApi(studio)
        spoken_here = gr.BrowserState("", storage_key="dalle-language", secret=SECRET)
        visitor = gr.BrowserState("", storage_key="dalle-visitor", secret=SECRET)  # whose runs they are
        with gr.Row(elem_id="top"):
            spoken(gr.HTML, lambda say: {"value": _header(say)}, apply_default_css=False, scale=1)
            picker = CheckpointPicker(studio, workshop, spoken) if workshop else None
            choice = spoken(
                gr.Radio,
                lambda say: {"label": say("language")},
                choices=[(name, key) for key, name in LANGUAGES.items()],
                value=first,
                container=False,
                elem_id="language",
            )
            spoken(
                gr.HTML, lambda say: {"value": _theme_switch(say)}, apply_default_css=False, elem_id="lamp"
            )
        with gr.Tabs() as tabs:
            with spoken(gr.Tab, lambda say: {"label": say("tab_create")}, id="create"):
                create = CreateTab(studio, spoken, choice, SECRET)
            # Rendered at once: what a tab that was never opened is told, as another language, would be lost.
            with spoken(gr.Tab, lambda say: {"label": say("tab_edit")}, id="edit", render_children=True):
                edit = EditTab(studio, spoken, choice, tabs)
            if workshop:
                with spoken(
                    gr.Tab, lambda say: {"label": say("tab_train")}, id="train", render_children=True
                ):
                    train = TeachTab(studio, workshop, spoken, choice, visitor)
            with spoken(gr.Tab, lambda say: {"label": say("tab_about")}):
                card = about.about(studio, spoken)
        credit = about.footer(studio, spoken)
        translated = spoken.follow(choice)
        choice.input(None, choice, spoken_here, js="(language) => [language]")
        greeted = page.load(_greeting(language), spoken_here, choice, **AT_ONCE)
        greeted.then(None, choice, js=TELL)
        create.arrive(page, greeted)
        edit.arrive(greeted, create)
        if workshop:
            another = picker.wire(choice, visitor, credit, card)
            another.then(create.refit, [choice, create.bench.shape], create.opened, **QUIET)
            for chosen in (another, train.use(picker, create, tabs)):  # the latter draws pictures anew
                chosen.then(edit.refit, [choice, edit.opened], edit.seen, **QUIET)
            train.arrive(page, picker)
            train.follow(translated)
    return page


def _greeting(language: str | None) -> Any:
    def greet(request: gr.Request, chosen: str) -> str:
        """The language that the visitor chose before, else that of the command line or of their browser."""
        if chosen in LANGUAGES:
            return chosen
        return language or preferred(request.headers.get("accept-language", ""))

    return greet


def preferred(header: str) -> str:
    """The first language of an Accept-Language header that the page speaks, else English."""
    asked = (part.split(";")[0].strip().lower()[:2] for part in header.split(","))
    return next((language for language in asked if language in LANGUAGES), "en")


def _header(say: Translator) -> str:
    return (
        f'<header class="mark" lang="{TAGS[say.language]}">{_read("mark.svg")}<div><h1>{say("title")}</h1>'
        f"<p>{say('tagline')}</p></div></header>"
        f'<p id="offline" role="alert" hidden>{say("offline")}</p>'
    )


def _theme_switch(say: Translator) -> str:
    label = say("theme")
    return f'<button type="button" class="lamp" aria-label="{label}" title="{label}">{THEME_ICON}</button>'


def launch(page: gr.Blocks, **options: Any) -> None:
    """Serve until interrupted, with options of Blocks.launch; says so where a share link cannot be made."""
    start(page, **options)
    if options.get("share") and page.share_url is None:
        print(NO_LINK)
    page.block_thread()


def start(page: gr.Blocks, max_file_size: int = images.MAX_BYTES, **options: Any) -> None:
    """Serve in the background."""
    page.queue(max_size=256)
    page._queue.sleep_when_free = LOOK  # there is no public way
    page.launch(
        theme=theme(),
        css_paths=HERE / "style.css",
        head=f"<script>{_read('page.js')}</script><script>{_read('edit.js')}</script>",
        favicon_path=HERE / "mark.svg",
        footer_links=["api"],
        max_file_size=max_file_size,
        max_threads=128,  # requests that may wait for the studio at the same time
        enable_monitoring=False,
        run_history=False,
        ssr_mode=False,
        show_error=True,
        prevent_thread_lock=True,
        **options,
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


NO_LINK = """
No public link could be made: this machine is offline, or its network blocks the tunnel (or the download
of the tunnel program, which happens once). The page itself works, at the local address above. Others can
  on your own network   use this machine's address, after: python app.py --host 0.0.0.0 --auth user:password
  from anywhere         use a copy of this folder that you put on Hugging Face as a Space: it runs as it is
"""
THEME_ICON = (
    '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><circle cx="12" cy="12" r="8.5" '
    'fill="none" stroke="currentColor" stroke-width="1.8"/><path d="M12 3.5a8.5 8.5 0 0 1 0 17z" '
    'fill="currentColor"/></svg>'
)
