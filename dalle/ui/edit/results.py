"""The results of an edit: a gallery that fills, and one of them beside what it came from."""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle.editing import animation, icon_files
from dalle.serving.requests import Frame
from dalle.ui.shared import tiles
from dalle.ui.shared.events import QUEUED, UNQUEUED, Updates, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import LIVE_REGION_JS, frame_progress, progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

SHOWN = 512  # pixels a side from which a picture is shown by a smaller copy
FILMS = {f"edit_{kind}": kind for kind in animation.ANIMATION_FORMATS}  # actions of a blend
ACTIONS = ("go_on", "edit_download", "edit_link", "edit_icons", *FILMS)
COMPARE = """
element.addEventListener("input", (event) =>
    event.target.parentElement.style.setProperty("--at", `${event.target.value}%`));
"""
DOWNLOAD = "() => document.querySelector('#edit-file').click()"
COPY = "(query) => dalle.copy(query, '#edit_link')"


class Results:
    """`tiles` is the State with what is finished, `chosen` with the number of the one that is looked at."""

    def __init__(self, localized: Localizer):
        localized.heading("results")
        self.status = gr.HTML(elem_id="edit-status", apply_default_css=False, js_on_load=LIVE_REGION_JS)
        self.empty = localized(gr.HTML, {"value": _empty}, apply_default_css=False)
        self.coming = gr.HTML(visible=False, apply_default_css=False, elem_id="results-coming")
        self.pictures = gr.HTML(
            visible=False, js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="results"
        )
        self.compare = gr.HTML(visible=False, js_on_load=COMPARE, apply_default_css=False, elem_id="compare")
        with gr.Row(visible=False, elem_classes="buttons", elem_id="result-actions") as self.buttons:
            self.actions = {
                name: localized(
                    gr.Button,
                    {"value": name},
                    size="sm",
                    min_width=0,
                    variant="primary" if name == "go_on" else "secondary",
                    elem_id=name,
                )
                for name in ACTIONS
            }
        self.file = gr.DownloadButton(visible="hidden", elem_id="edit-file")
        self.query = gr.Textbox(label="", visible="hidden")
        self.tiles, self.chosen, self.before = gr.State(()), gr.State(0), gr.State("")

    @property
    def outputs(self) -> set[Any]:
        shown = {self.status, self.empty, self.coming, self.pictures, self.compare, self.buttons, self.query}
        return shown | {self.tiles, self.chosen, self.before, *self.actions.values()}

    def wire(self, language: gr.Radio) -> None:
        asked = [language, self.tiles, self.before]
        looked = {self.compare, self.chosen, self.query}
        self.pictures.select(self._look, asked, looked, **UNQUEUED)
        makes = {
            "edit_download": self._png,
            "edit_icons": self._icons,
        } | {name: partial(self._film, kind) for name, kind in FILMS.items()}
        for name, make in makes.items():
            made = self.actions[name].click(make, [language, self.tiles, self.chosen], self.file, **QUEUED)
            made.success(None, js=DOWNLOAD)
        self.actions["edit_link"].click(None, self.query, js=COPY)

    # --- while it goes on

    def begun(self, translate: Translator, count: int, kind: str) -> Updates:
        return {
            self.status: progress_bar(translate("starting")),
            self.empty: gr.update(visible=False),
            self.coming: gr.update(value=tiles.picture_placeholders([], count, kind), visible=True),
            self.pictures: gr.update(visible=False),
            self.compare: gr.update(visible=False),
            self.buttons: gr.update(visible=False),
        }

    def under_way(self, translate: Translator, frame: Frame, count: int, kind: str) -> Updates:
        if frame.waiting:
            return {self.status: progress_bar(translate("waiting", place=frame.waiting))}
        previews = [tiles.preview_url(picture.image.convert("RGB")) for picture in frame.pictures]
        view = {self.status: frame_progress(translate, frame)}
        return view | ({self.coming: tiles.picture_placeholders(previews, count, kind)} if previews else {})

    def gave_up(self, before: Sequence[EncodedPicture], status: str) -> Updates:
        """Nothing came of it: only the word of it, beside the results from before."""
        return {
            self.status: status,
            self.empty: gr.update(visible=not before),
            self.coming: gr.update(value="", visible=False),
            self.pictures: gr.update(visible=len(before) > 1),
            self.compare: gr.update(visible=bool(before)),
            self.buttons: gr.update(visible=bool(before)),
        }

    def ended(
        self,
        translate: Translator,
        drawn: Sequence[EncodedPicture],
        before: str,
        status: str,
        kind: str = "tiles",
    ) -> Updates:
        """Show finished results, the first beside what it came from."""
        labels = [translate("result", number=number) for number in range(1, len(drawn) + 1)]
        several = len(drawn) > 1
        shots = tiles.picture_buttons([shown(tile, SHOWN) for tile in drawn], labels, selected=0, layout=kind)
        return self.cleared() | {
            self.status: status,
            self.empty: gr.update(visible=False),
            self.pictures: gr.update(value=shots, visible=several),
            self.compare: gr.update(value=_compared(translate, before, drawn[0]), visible=True),
            self.buttons: gr.update(visible=True),
            self.tiles: tuple(drawn),
            self.before: before,
            self.query: drawn[0].recipe.to_query(),
            **self._films(kind == "strip"),
        }

    def _films(self, wanted: bool) -> Updates:
        """The buttons of what this machine can make, where a film is wanted."""
        here = animation.available_formats()
        return {
            self.actions[name]: gr.update(visible=wanted and kind in here) for name, kind in FILMS.items()
        }

    def cleared(self) -> Updates:
        return {
            self.status: "",
            self.empty: gr.update(visible=True),
            self.coming: gr.update(value="", visible=False),
            self.pictures: gr.update(value="", visible=False),
            self.compare: gr.update(value="", visible=False),
            self.buttons: gr.update(visible=False),
            self.tiles: (),
            self.chosen: 0,
        }

    # --- one of them

    def _look(
        self, language: str, drawn: tuple[EncodedPicture, ...], before: str, event: gr.EventData
    ) -> Updates:
        tile = drawn[event.index]
        return {
            self.compare: _compared(Translator(language), before, tile),
            self.chosen: event.index,
            self.query: tile.recipe.to_query(),
        }

    def _png(self, language: str, drawn: tuple[EncodedPicture, ...], chosen: int) -> str:
        return self._saved(drawn[chosen].png, drawn[chosen].file_name)

    def _icons(self, language: str, drawn: tuple[EncodedPicture, ...], chosen: int) -> str:
        with show_errors(Translator(language)):
            name = Path(drawn[chosen].file_name).stem
            return self._saved(icon_files.export_icons(drawn[chosen].decode().image), f"{name}-icons.zip")

    def _film(self, kind: str, language: str, drawn: tuple[EncodedPicture, ...], chosen: int) -> str:
        with show_errors(Translator(language)):
            made = animation.encode_animation([tile.decode().image for tile in drawn], kind)
            return self._saved(made, f"{Path(drawn[0].file_name).stem}.{kind}")

    def _saved(self, content: bytes, name: str) -> str:
        return save_bytes_to_cache(content, name, self.file.GRADIO_CACHE)


def shown(tile: EncodedPicture, side: int = SHOWN) -> str:
    """The address that holds a tile's picture, or a smaller copy of a large one."""
    image = tile.decode().image
    if max(image.size) <= side:
        return tile.data_url
    image.thumbnail((side, side))
    return tiles.preview_url(image)


def _compared(translate: Translator, before: str, tile: EncodedPicture) -> str:
    """Two pictures on each other, and a slider that uncovers one or the other."""
    width, height = tile.decode().image.size
    ends = f"<span>{translate('before')}</span><span>{translate('after')}</span>"
    return (
        f'<figure class="compare" style="--at:50%;aspect-ratio:{width}/{height}"><img src="{before}" alt="">'
        f'<img class="after" src="{shown(tile, 2 * SHOWN)}" alt="{escape(translate("after"))}">'
        f'<input type="range" min="0" max="100" value="50" aria-label="{translate("compare")}"></figure>'
        f'<p class="ends">{ends}<code>{width} × {height}</code></p>'
    )


def _empty(translate: Translator) -> str:
    return (
        '<div class="empty"><div class="pair" aria-hidden="true"><i></i><i></i></div>'
        f"<h3>{translate('results_empty_title')}</h3><p>{translate('results_empty')}</p></div>"
    )
