"""What draws here, what it can draw, and whom it learnt from: a line below every tab, and the tab About."""

import re
from html import escape

import gradio as gr

from dalle.studio import Studio
from dalle.ui.spoken import Spoken
from dalle.ui.strings import Say

CREDITS = (  # icon set, by, licence, source
    ("Noto Emoji", "Google", "Apache-2.0", "https://github.com/googlefonts/noto-emoji"),
    ("Twemoji", "Twitter", "CC-BY-4.0", "https://github.com/jdecked/twemoji"),
    ("Fluent Emoji", "Microsoft", "MIT", "https://github.com/microsoft/fluentui-emoji"),
    ("FxEmoji", "Mozilla", "Apache-2.0", "https://github.com/mozilla/fxemoji"),
    ("EmojiOne 2", "EmojiOne, EmojiTwo", "CC-BY-4.0", "https://github.com/EmojiTwo/emojitwo"),
)
PICTURE = re.compile(r"^!\[.*?\]\(.*?\)\s*$", re.MULTILINE)


def footer(studio: Studio, spoken: Spoken) -> gr.HTML:
    return spoken(
        gr.HTML, lambda say: {"value": credit(studio, say)}, apply_default_css=False, elem_id="credits"
    )


def about(studio: Studio) -> gr.Markdown:
    return gr.Markdown(card(studio), elem_id="card")


def card(studio: Studio) -> str:
    """The model card; its pictures lie in the checkpoint's folder, where browsers cannot reach them.

    A card that was brought here may hold others, and HTML, which would reach beyond this machine.
    """
    return PICTURE.sub("", studio.card).replace("![", "[").replace("<", "&lt;")


def credit(studio: Studio, say: Say) -> str:
    size = studio.recipe().size
    sets = say("list_join").join(
        f'<a href="{url}" rel="noopener" target="_blank">{name}</a> ({by}, {licence})'
        for name, by, licence, url in CREDITS
    )
    name, digest = escape(studio.model_name), escape(studio.digest)
    return (
        f'<div class="credits"><p><b>{say("checkpoint")}</b> {name} <code>{digest}</code></p>'
        f"<p>{say('can_draw', size=size)}</p><p>{say('credits')} {sets}.</p></div>"
    )
