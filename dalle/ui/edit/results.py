"""Results of an edit: a gallery, one result compared with the source picture, and downloads."""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle.editing import animation, icon_files
from dalle.serving.requests import Frame
from dalle.ui.shared import tiles
from dalle.ui.shared.events import QUEUED, UNQUEUED, Outputs, Updates, show_errors
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import LIVE_REGION_JS, frame_progress, progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

MAX_PREVIEW_SIZE = 512  # pixels a side; larger pictures are shown by a smaller copy
ANIMATION_ACTIONS = {f"edit_{extension}": extension for extension in animation.ANIMATION_FORMATS}
ACTIONS = ("go_on", "edit_download", "edit_link", "edit_icons", *ANIMATION_ACTIONS)  # keys of texts too
_COMPARE_JS = """
element.addEventListener("input", (event) =>
    event.target.parentElement.style.setProperty("--at", `${event.target.value}%`));
"""
_DOWNLOAD_JS = "() => document.querySelector('#edit-file').click()"
_COPY_LINK_JS = "(query) => dalle.copy(query, '#edit_link')"


class Results:
    """`finished` is the State with a tuple of EncodedPicture, `selected` with the index of the one compared.

    `layout` is the CSS class of the gallery: "strip" for an interpolation, else "tiles".
    """

    def __init__(self, localized: Localizer):
        localized.heading("results")
        self.status = gr.HTML(elem_id="edit-status", apply_default_css=False, js_on_load=LIVE_REGION_JS)
        self.empty_state = localized(gr.HTML, {"value": _empty_state_html}, apply_default_css=False)
        self.previews = gr.HTML(visible=False, apply_default_css=False, elem_id="results-coming")
        self.gallery = gr.HTML(
            visible=False, js_on_load=tiles.SELECT_JS, apply_default_css=False, elem_id="results"
        )
        self.comparison = gr.HTML(
            visible=False, js_on_load=_COMPARE_JS, apply_default_css=False, elem_id="compare"
        )
        with gr.Row(visible=False, elem_classes="buttons", elem_id="result-actions") as self.button_row:
            self.buttons = {
                action: localized(
                    gr.Button,
                    {"value": action},
                    size="sm",
                    min_width=0,
                    variant="primary" if action == "go_on" else "secondary",
                    elem_id=action,
                )
                for action in ACTIONS
            }
        self.download_file = gr.DownloadButton(visible="hidden", elem_id="edit-file")
        self.link_query = gr.Textbox(label="", visible="hidden")
        self.finished, self.selected, self.source_url = gr.State(()), gr.State(0), gr.State("")

    @property
    def outputs(self) -> Outputs:
        return [
            self.status,
            self.empty_state,
            self.previews,
            self.gallery,
            self.comparison,
            self.button_row,
            self.link_query,
            self.finished,
            self.selected,
            self.source_url,
            *self.buttons.values(),
        ]

    def connect(self, language: gr.Radio) -> None:
        self.gallery.select(
            self._select,
            [language, self.finished, self.source_url],
            [self.comparison, self.selected, self.link_query],
            **UNQUEUED,
        )
        downloads = {
            "edit_download": self._png_file,
            "edit_icons": self._icon_file,
        } | {action: partial(self._animation_file, kind) for action, kind in ANIMATION_ACTIONS.items()}
        for action, make_file in downloads.items():
            inputs = [language, self.finished, self.selected]
            made = self.buttons[action].click(make_file, inputs, self.download_file, **QUEUED)
            made.success(None, js=_DOWNLOAD_JS)
        self.buttons["edit_link"].click(None, self.link_query, js=_COPY_LINK_JS)

    # --- updates for the states of an edit

    def started(self, translate: Translator, count: int, layout: str) -> Updates:
        """For an edit that will have `count` results."""
        return {
            self.status: progress_bar(translate("starting")),
            self.empty_state: gr.update(visible=False),
            self.previews: gr.update(value=tiles.picture_placeholders([], count, layout), visible=True),
            self.gallery: gr.update(visible=False),
            self.comparison: gr.update(visible=False),
            self.button_row: gr.update(visible=False),
        }

    def in_progress(self, translate: Translator, frame: Frame, count: int, layout: str) -> Updates:
        if frame.waiting:
            return {self.status: progress_bar(translate("waiting", place=frame.waiting))}
        updates: Updates = {self.status: frame_progress(translate, frame)}
        if frame.pictures:
            urls = [tiles.preview_url(picture.image.convert("RGB")) for picture in frame.pictures]
            updates[self.previews] = tiles.picture_placeholders(urls, count, layout)
        return updates

    def failed(self, earlier: Sequence[EncodedPicture], status: str) -> Updates:
        """For an edit that failed or was stopped: the status, and the results `earlier` again."""
        return {
            self.status: status,
            self.empty_state: gr.update(visible=not earlier),
            self.previews: gr.update(value="", visible=False),
            self.gallery: gr.update(visible=len(earlier) > 1),
            self.comparison: gr.update(visible=bool(earlier)),
            self.button_row: gr.update(visible=bool(earlier)),
        }

    def ended(
        self,
        translate: Translator,
        results: Sequence[EncodedPicture],
        source_url: str,
        status: str,
        layout: str = "tiles",
    ) -> Updates:
        """Show one or more results; the first is compared with the source picture."""
        labels = [translate("result", number=number) for number in range(1, len(results) + 1)]
        is_transparent = results[0].decode().image.mode == "RGBA"
        buttons = tiles.picture_buttons(
            [display_url(result) for result in results],
            labels,
            selected=0,
            layout=f"{layout} checker" if is_transparent else layout,
        )
        return self.cleared() | {
            self.status: status,
            self.empty_state: gr.update(visible=False),
            self.gallery: gr.update(value=buttons, visible=len(results) > 1),
            self.comparison: gr.update(
                value=_comparison_html(translate, source_url, results[0]), visible=True
            ),
            self.button_row: gr.update(visible=True),
            self.finished: tuple(results),
            self.source_url: source_url,
            self.link_query: results[0].recipe.to_query(),
            **self._animation_buttons(layout == "strip"),
        }

    def cleared(self) -> Updates:
        return {
            self.status: "",
            self.empty_state: gr.update(visible=True),
            self.previews: gr.update(value="", visible=False),
            self.gallery: gr.update(value="", visible=False),
            self.comparison: gr.update(value="", visible=False),
            self.button_row: gr.update(visible=False),
            self.finished: (),
            self.selected: 0,
        }

    def _animation_buttons(self, is_interpolation: bool) -> Updates:
        """Show the buttons of the formats that this machine can encode, for results of an interpolation."""
        available = animation.available_formats()
        return {
            self.buttons[action]: gr.update(visible=is_interpolation and kind in available)
            for action, kind in ANIMATION_ACTIONS.items()
        }

    # --- one result

    def _select(
        self, language: str, finished: tuple[EncodedPicture, ...], source_url: str, event: gr.EventData
    ) -> Updates:
        result = finished[event.index]
        return {
            self.comparison: _comparison_html(Translator(language), source_url, result),
            self.selected: event.index,
            self.link_query: result.recipe.to_query(),
        }

    def _png_file(self, language: str, finished: tuple[EncodedPicture, ...], selected: int) -> str:
        return self._save_to_cache(finished[selected].png, finished[selected].file_name)

    def _icon_file(self, language: str, finished: tuple[EncodedPicture, ...], selected: int) -> str:
        with show_errors(Translator(language)):
            stem = Path(finished[selected].file_name).stem
            icons = icon_files.export_icons(finished[selected].decode().image)
            return self._save_to_cache(icons, f"{stem}-icons.zip")

    def _animation_file(
        self, kind: str, language: str, finished: tuple[EncodedPicture, ...], selected: int
    ) -> str:
        with show_errors(Translator(language)):
            content = animation.encode_animation([result.decode().image for result in finished], kind)
            return self._save_to_cache(content, f"{Path(finished[0].file_name).stem}.{kind}")

    def _save_to_cache(self, content: bytes, name: str) -> str:
        return save_bytes_to_cache(content, name, self.download_file.GRADIO_CACHE)


def display_url(encoded: EncodedPicture, max_size: int = MAX_PREVIEW_SIZE) -> str:
    """Data URL of the picture, or of a smaller lossy copy if it has more than `max_size` pixels a side."""
    image = encoded.decode().image
    if max(image.size) <= max_size:
        return encoded.data_url
    image.thumbnail((max_size, max_size))
    return tiles.preview_url(image)


def _comparison_html(translate: Translator, source_url: str, result: EncodedPicture) -> str:
    """The source picture and a result on top of each other, with a slider that uncovers one or the other."""
    width, height = result.decode().image.size
    result_url = display_url(result, 2 * MAX_PREVIEW_SIZE)
    ends = f"<span>{translate('before')}</span><span>{translate('after')}</span>"
    return (
        f'<figure class="compare" style="--at:50%;aspect-ratio:{width}/{height}">'
        f'<img src="{source_url}" alt=""><img class="after" src="{result_url}" '
        f'alt="{escape(translate("after"))}"><input type="range" min="0" max="100" value="50" '
        f'aria-label="{translate("compare")}"></figure>'
        f'<p class="ends">{ends}<code>{width} × {height}</code></p>'
    )


def _empty_state_html(translate: Translator) -> str:
    return (
        '<div class="empty"><div class="pair" aria-hidden="true"><i></i><i></i></div>'
        f"<h3>{translate('results_empty_title')}</h3><p>{translate('results_empty')}</p></div>"
    )
