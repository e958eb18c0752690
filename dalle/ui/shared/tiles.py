"""Finished pictures as PNG bytes, and the HTML that shows them."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from dalle.recipe import Picture, Recipe, save_png

THUMBNAIL_SIZE = 56  # pixels a side
# For a gr.HTML with picture_buttons: a click on an element with data-index triggers the event `select`.
SELECT_JS = """
element.addEventListener("click", (event) => {
    const selected = event.target.closest("[data-index]");
    if (!selected || selected.disabled) return;
    for (const other of element.querySelectorAll("[aria-pressed]"))
        other.setAttribute("aria-pressed", other === selected);
    trigger("select", { index: Number(selected.dataset.index) });
});
"""


@dataclass(frozen=True)
class EncodedPicture:
    """A finished picture as the bytes of its PNG file, and the recipe in the file's metadata."""

    png: bytes
    recipe: Recipe

    @classmethod
    def encode(cls, picture: Picture) -> "EncodedPicture":
        file = io.BytesIO()
        save_png(picture, file)
        return cls(file.getvalue(), picture.recipe)

    def decode(self) -> Picture:
        with Image.open(io.BytesIO(self.png)) as image:
            image.load()
        return Picture(image, self.recipe)

    @property
    def data_url(self) -> str:
        return _data_url(self.png, "png")

    @property
    def file_name(self) -> str:
        """Up to 40 characters of the prompt, and the seed: "a-red-apple-7.png"."""
        words = re.sub(r"[^\w]+", "-", self.recipe.prompt.lower()).strip("-")[:40].strip("-")
        return f"{words or 'picture'}-{self.recipe.seed}.png"


def _data_url(content: bytes, image_type: str) -> str:
    return f"data:image/{image_type};base64,{base64.b64encode(content).decode()}"


def preview_url(image: Image.Image, size: int | None = None) -> str:
    """Data URL of a lossy copy of an image, resized to `size` pixels a side if given."""
    if size is not None:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=70)
    return _data_url(file.getvalue(), "webp")


def thumbnail_url(encoded: EncodedPicture) -> str:
    with Image.open(io.BytesIO(encoded.png)) as image:
        return preview_url(image, THUMBNAIL_SIZE)


def picture_buttons(
    urls: Sequence[str], labels: Sequence[str], selected: int | None = None, layout: str = "tiles"
) -> str:
    """Pictures as buttons, for a gr.HTML with SELECT_JS.

    `layout`: the CSS class of the list, one of tiles, thumbs, strip, pad.
    """
    cells = [
        f'<li><button type="button" data-index="{index}" aria-label="{escape(label)}" '
        f'title="{escape(label)}" aria-pressed="{str(index == selected).lower()}">'
        f'<img src="{url}" alt="" decoding="sync"></button></li>'
        for index, (url, label) in enumerate(zip(urls, labels, strict=True))
    ]
    return f'<ul class="shots {layout}" data-count="{len(cells)}">{"".join(cells)}</ul>'


def picture_placeholders(urls: Sequence[str], count: int, layout: str = "tiles") -> str:
    """`count` disabled cells while pictures are drawn: previews first, the others blank."""
    padded = [*urls, *[""] * (count - len(urls))]
    cells = "".join(
        f'<li><button type="button" disabled><img src="{url}" alt="" decoding="sync"></button></li>'
        if url
        else '<li><button type="button" disabled class="blank"></button></li>'
        for url in padded
    )
    return f'<ul class="shots {layout}" data-count="{count}" aria-busy="true">{cells}</ul>'


def picture_figure(encoded: EncodedPicture) -> str:
    """One large picture, with the file name and the link's query that page.js reads."""
    prompt = escape(encoded.recipe.prompt)
    return (
        f'<figure data-name="{escape(encoded.file_name)}" data-query="{escape(encoded.recipe.to_query())}">'
        f'<img src="{encoded.data_url}" alt="{prompt}" decoding="sync">'
        f"<figcaption><span>{prompt}</span> <code>#{encoded.recipe.seed}</code></figcaption></figure>"
    )
