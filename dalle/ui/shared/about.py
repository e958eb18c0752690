"""Footer with the checkpoint in use and credits; the About tab with the checkpoint's model card."""

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
from dalle.data.sprites.notices import licence_name
from dalle.data.sprites.sources import sources
from dalle.serving.studio import Studio
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.texts import Translator

_MARKDOWN_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\(([^()\n]*)\)")  # groups: alternative text, address
_IMAGE_FILE_NAME = re.compile(r"\w[\w-]*\.(png|webp|jpe?g)", re.IGNORECASE)  # no folder in front
_MAX_IMAGE_SIDE = 2048  # pixels


def footer(studio: Studio, localized: Localizer) -> gr.HTML:
    return localized(
        gr.HTML,
        {"value": lambda translate: credits_html(studio, translate)},
        apply_default_css=False,
        elem_id="credits",
    )


def credits_html(studio: Studio, translate: Translator) -> str:
    """Name and digest of the checkpoint in use, what it can draw, and the drawings that it learnt from."""
    learnt_from = [source for source in sources() if source.subset != "held-out"]
    names = translate("list_join").join(
        f'<a href="{source.url}" rel="noopener" target="_blank">{source.title}</a> ({source.author}, '
        f"<i>{licence_name(source.licence)}</i>)"
        for source in learnt_from
    )
    name, digest = escape(studio.model_name), escape(studio.digest)
    return (
        f'<div class="credits"><p><b>{translate("checkpoint")}</b> {name} <code>{digest}</code></p>'
        f"<p>{translate('can_draw', size=studio.recipe().size)}</p>"
        f"<details><summary>{translate('credits', count=len(learnt_from))}</summary>{names}.</details></div>"
    )


def about_tab(studio: Studio, localized: Localizer) -> gr.Markdown:
    """Create the contents of the About tab; -> the component with the model card."""
    with gr.Column(elem_id="about"):
        localized(
            gr.HTML,
            {"value": lambda translate: f'<p class="hint">{translate("about_card")}</p>'},
            apply_default_css=False,
        )
        return gr.Markdown(model_card(studio), elem_id="card")


def model_card(studio: Studio) -> str:
    """The model card in Markdown, safe to show: HTML is escaped, and images are left out that are not
    files in the checkpoint's folder. An imported card could otherwise load from other hosts or local paths.
    """
    text, *images_and_texts = _MARKDOWN_IMAGE.split(studio.card)
    parts = [_escape_markdown(text)]
    rest = images_and_texts
    for alt, name, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        parts += [_image_markdown(studio.folder, alt, name), _escape_markdown(text)]
    return "".join(parts)


def _escape_markdown(text: str) -> str:
    return text.replace("!", "&#33;").replace("<", "&lt;")


def _image_markdown(folder: Path, alt: str, name: str) -> str:
    """An image file of `folder` as Markdown; "" for anything else."""
    path = folder / name
    if not _IMAGE_FILE_NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        return ""
    try:
        content = _reencode(path, path.stat().st_mtime_ns)
    except images.ImageError:
        return ""
    # A file in Gradio's cache, not a data URL: browsers load it only when the tab is opened.
    copy = save_bytes_to_cache(content, f"{path.stem}.webp", get_upload_folder())
    return f"![{_escape_markdown(alt)}](gradio_api/file={quote(copy)})"


@lru_cache(maxsize=8)
def _reencode(path: Path, modified: int) -> bytes:
    """The pixels of an image file as WebP, without its metadata; `modified` is part of the cache key."""
    picture, file = images.read(path), io.BytesIO()
    picture.thumbnail((_MAX_IMAGE_SIDE, _MAX_IMAGE_SIDE))
    picture.save(file, "WEBP", quality=80)
    return file.getvalue()
