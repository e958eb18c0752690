"""Pictures as the page shows and keeps them: PNG bytes that carry their recipe, and HTML that holds them."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from dalle.recipe import Picture, Recipe, save_png

THUMB = 56  # pixels a side
# A click on anything with a data-index, wherever it stands in the component, selects it.
SELECT = """
element.addEventListener("click", (event) => {
    const tile = event.target.closest("[data-index]");
    if (!tile || tile.disabled) return;
    for (const other of element.querySelectorAll("[aria-pressed]"))
        other.setAttribute("aria-pressed", other === tile);
    trigger("select", { index: Number(tile.dataset.index) });
});
"""


@dataclass(frozen=True)
class EncodedPicture:
    """A finished picture: the bytes of its PNG file, and the recipe that they carry."""

    png: bytes
    recipe: Recipe

    @classmethod
    def of(cls, picture: Picture) -> "EncodedPicture":
        file = io.BytesIO()
        save_png(picture, file)
        return cls(file.getvalue(), picture.recipe)

    @property
    def picture(self) -> Picture:
        with Image.open(io.BytesIO(self.png)) as image:
            image.load()
        return Picture(image, self.recipe)

    @property
    def uri(self) -> str:
        return _uri(self.png, "png")

    @property
    def name(self) -> str:
        """What its file is called: words of the prompt, and the seed."""
        words = re.sub(r"[^\w]+", "-", self.recipe.prompt.lower()).strip("-")[:40].strip("-")
        return f"{words or 'picture'}-{self.recipe.seed}.png"


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def preview(image: Image.Image, size: int | None = None) -> str:
    """An address that holds a small, lossy copy of a picture."""
    if size is not None:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=70)
    return _uri(file.getvalue(), "webp")


def thumb(tile: EncodedPicture) -> str:
    with Image.open(io.BytesIO(tile.png)) as image:
        return preview(image, THUMB)


def buttons(
    sources: Sequence[str], labels: Sequence[str], chosen: int | None = None, kind: str = "tiles"
) -> str:
    """Pictures to choose from; an empty source is one that is still to come."""
    cells = [
        f'<li><button type="button" data-index="{index}" aria-label="{escape(label)}" '
        f'title="{escape(label)}" aria-pressed="{str(index == chosen).lower()}">'
        f'<img src="{source}" alt="" decoding="sync"></button></li>'
        for index, (source, label) in enumerate(zip(sources, labels, strict=True))
    ]
    return f'<ul class="shots {kind}" data-count="{len(cells)}">{"".join(cells)}</ul>'


def coming(sources: Sequence[str], count: int, kind: str = "tiles") -> str:
    """Pictures that are being drawn: previews as far as there are any, and room for all."""
    padded = [*sources, *[""] * (count - len(sources))]
    cells = "".join(
        f'<li><button type="button" disabled><img src="{source}" alt="" decoding="sync"></button></li>'
        if source
        else '<li><button type="button" disabled class="blank"></button></li>'
        for source in padded
    )
    return f'<ul class="shots {kind}" data-count="{count}" aria-busy="true">{cells}</ul>'


def figure(tile: EncodedPicture) -> str:
    """One picture, large."""
    prompt = escape(tile.recipe.prompt)
    return (
        f'<figure data-name="{escape(tile.name)}" data-query="{escape(tile.recipe.to_query())}">'
        f'<img src="{tile.uri}" alt="{prompt}" decoding="sync">'
        f"<figcaption><span>{prompt}</span> <code>#{tile.recipe.seed}</code></figcaption></figure>"
    )
