"""What draws here, what it can draw, and whom it learnt from: a line below every tab, and the tab About."""

import io
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from dalle import images
from dalle.serving.studio import Studio
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

CREDITS = (  # icon set, by, licence, source
    ("Noto Emoji", "Google", "Apache-2.0", "https://github.com/googlefonts/noto-emoji"),
    ("Twemoji", "Twitter", "CC-BY-4.0", "https://github.com/jdecked/twemoji"),
    ("Fluent Emoji", "Microsoft", "MIT", "https://github.com/microsoft/fluentui-emoji"),
    ("FxEmoji", "Mozilla", "Apache-2.0", "https://github.com/mozilla/fxemoji"),
    ("EmojiOne 2", "EmojiOne, EmojiTwo", "CC-BY-4.0", "https://github.com/EmojiTwo/emojitwo"),
)
PICTURE = re.compile(r"!\[([^\[\]\n]*)\]\(([^()\n]*)\)")  # as Markdown names one: alternative text, address
PLAIN = re.compile(r"\w[\w-]*\.(png|webp|jpe?g)", re.IGNORECASE)  # a file's name, and no path
SIDE = 2048  # pixels a side that a sheet has at most


def footer(studio: Studio, spoken: Localizer) -> gr.HTML:
    return spoken(
        gr.HTML, lambda say: {"value": credit(studio, say)}, apply_default_css=False, elem_id="credits"
    )


def about(studio: Studio, spoken: Localizer) -> gr.Markdown:
    with gr.Column(elem_id="about"):
        spoken(
            gr.HTML,
            lambda say: {"value": f'<p class="hint">{say("about_card")}</p>'},
            apply_default_css=False,
        )
        return gr.Markdown(card(studio), elem_id="card")


def card(studio: Studio) -> str:
    """The model card with its sheets: the pictures beside it that it names.

    A card that was brought here may name others, and hold HTML, which would reach beyond this machine.
    """
    words, *rest = PICTURE.split(studio.card)
    told = [_text(words)]
    for alt, name, words in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        told += [_sheet(studio.folder, alt, name), _text(words)]
    return "".join(told)


def _text(words: str) -> str:
    return words.replace("!", "&#33;").replace("<", "&lt;")


def _sheet(folder: Path, alt: str, name: str) -> str:
    """A picture of a checkpoint's folder as Markdown; empty for anything else."""
    path = folder / name
    if not PLAIN.fullmatch(name) or path.is_symlink() or not path.is_file():
        return ""
    try:
        content = _webp(path, path.stat().st_mtime_ns)
    except images.ImageError:
        return ""
    # Browsers reach nothing but Gradio's own folder, and ask for it only once the tab is opened.
    copy = save_bytes_to_cache(content, f"{path.stem}.webp", get_upload_folder())
    return f"![{_text(alt)}](gradio_api/file={quote(copy)})"


@lru_cache(maxsize=8)
def _webp(path: Path, changed: int) -> bytes:
    """A picture file, written anew: nothing is left of it but pixels."""
    picture, file = images.read(path), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(file, "WEBP", quality=80)
    return file.getvalue()


def credit(studio: Studio, say: Translator) -> str:
    size = studio.recipe().size
    sets = say("list_join").join(
        f'<a href="{url}" rel="noopener" target="_blank">{name}</a> ({by}, <i>{licence}</i>)'
        for name, by, licence, url in CREDITS
    )
    name, digest = escape(studio.model_name), escape(studio.digest)
    return (
        f'<div class="credits"><p><b>{say("checkpoint")}</b> {name} <code>{digest}</code></p>'
        f"<p>{say('can_draw', size=size)}</p><p>{say('credits')} {sets}.</p></div>"
    )
