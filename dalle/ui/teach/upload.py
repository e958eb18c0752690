"""The draft of a training run: upload of images, table of captions, settings, and a forecast."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from PIL import Image

from dalle.data.folder.augmentation import fit_on_white
from dalle.data.folder.image_folder import ImageFolder
from dalle.recipe import MAX_PROMPT_LENGTH
from dalle.serving.drafts import Forecast
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.shared import tiles
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    Outputs,
    Updates,
    confirm_js,
    error_html,
    error_text,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import progress_bar
from dalle.ui.shared.texts import Translator, format_duration
from dalle.ui.teach.draft_html import forecast_html, report_html

TABLE_IMAGE_SIZE = 40  # pixels a side
Rows = Sequence[Sequence[Any]]  # of the table: HTML of the image, file name, caption


class UploadPanel:
    """The draft is the visitor's, see dalle/serving/drafts.py: a page that is reloaded shows it again."""

    def __init__(self, studio: Studio, training: TrainingService, localized: Localizer):
        self._studio, self._training = studio, training
        localized.heading("teach_pictures")
        self._add_upload_buttons(localized)
        self.status = gr.HTML(apply_default_css=False, elem_id="draft-status", elem_classes="status")
        self.error = gr.HTML(apply_default_css=False, elem_classes="status")
        with gr.Column(visible=False, elem_id="draft") as self.body:
            self.report = gr.HTML(apply_default_css=False)
            self._add_caption_table(localized)
            self.forecast = gr.HTML(apply_default_css=False)
            self._add_settings(localized)
            self._add_buttons(localized)

    @property
    def inputs(self) -> list[Any]:
        """Table, name, preset, resize mode, horizontal flip."""
        return [self.table, self.name, self.preset, self.resize_mode, self.horizontal_flip]

    @property
    def outputs(self) -> Outputs:
        """What changes when a draft is shown or discarded."""
        return [self.error, self.body, self.report, self.forecast, *self.inputs]

    @property
    def forecast_outputs(self) -> Outputs:
        return [self.status, self.error, self.report, self.forecast, self.preset]

    def _add_upload_buttons(self, localized: Localizer) -> None:
        with gr.Column(elem_id="zone"):  # while it is visible, files dropped on the page go here (page.js)
            localized(gr.HTML, {"value": _invitation_html}, apply_default_css=False)
            with gr.Row(elem_classes="buttons"):
                self.files = localized.upload_button(
                    "teach_files", "teach-files", file_count="multiple", min_width=0
                )
                self.folder = localized.upload_button(
                    "teach_folder", "teach-folder", file_count="directory", min_width=0
                )

    def _add_caption_table(self, localized: Localizer) -> None:
        with gr.Row(elem_id="same", equal_height=True):
            self.shared_caption = localized(
                gr.Textbox,
                {"label": "teach_word", "placeholder": "teach_word_hint"},
                max_lines=1,
                max_length=MAX_PROMPT_LENGTH,
                scale=1,
            )
            self.share_button = localized(gr.Button, {"value": "teach_same"}, size="sm", scale=0)
        self.table = gr.Dataframe(  # not by `localized`: Gradio changes headers only together with the value
            headers=_headers(Translator(localized.language)),
            datatype=["html", "str", "str"],
            column_widths=["24%", "30%", "46%"],
            static_columns=[0, 1],
            column_count=3,
            type="array",
            interactive=True,
            show_label=False,
            max_height=352,
            buttons=[],
            elem_id="captions",
        )

    def _add_settings(self, localized: Localizer) -> None:
        self.preset = localized(
            gr.Radio,
            {"label": "teach_preset", "choices": lambda translate: self._preset_choices(translate, None)},
            value=self._training.limits.presets[0],
            elem_classes="pills",
            elem_id="preset",
        )
        with localized(gr.Accordion, {"label": "settings"}, open=False):
            self.resize_mode = localized(
                gr.Radio,
                {"label": "teach_how", "choices": _resize_mode_choices},
                value="crop",
                elem_classes="pills",
            )
            self.horizontal_flip = localized(gr.Checkbox, {"label": "teach_flips"}, value=False)
            self.name = localized(
                gr.Textbox,
                {"label": "teach_name", "placeholder": "teach_name_hint"},
                max_lines=1,
                max_length=40,
            )

    def _add_buttons(self, localized: Localizer) -> None:
        with gr.Row():
            self.start_button = localized(
                gr.Button, {"value": "teach_start"}, variant="primary", elem_id="teach"
            )
            self.discard_button = localized(
                gr.Button, {"value": "teach_forget"}, size="sm", scale=0, elem_id="forget"
            )

    # --- events

    def connect(self, language: gr.Radio, visitor: gr.BrowserState) -> None:
        # No generators: Gradio takes a yield that leaves a field out for the field's value.
        for button in (self.files, self.folder):
            uploaded = button.upload(_import_progress, language, [self.status, self.error], **UNQUEUED)
            imported = uploaded.then(self._import_images, [language, visitor, button], self.outputs, **QUEUED)
            self._forecast_after(imported, language, visitor)
        shared = gr.on(
            [self.share_button.click, self.shared_caption.submit],
            _share_caption,
            [language, self.table, self.shared_caption],
            self.table,
            **UNQUEUED,
        )
        for edited in (self.table.input, shared.then):
            edited(self._save_captions, [visitor, self.table], None, **UNQUEUED)
        self.discard_button.click(
            self._discard, [language, visitor], self.outputs, js=confirm_js("forget_sure"), **UNQUEUED
        )

    def restore_after(self, event: Dependency, language: gr.Radio, visitor: gr.BrowserState) -> None:
        """After the event, show the draft that the visitor has left."""
        restored = event.then(self._restore, [language, visitor], self.outputs, **UNQUEUED)
        self._forecast_after(restored, language, visitor)

    def _forecast_after(self, event: Dependency, language: gr.Radio, visitor: gr.BrowserState) -> None:
        measuring = event.then(self._forecast_progress, [language, visitor], self.status, **UNQUEUED)
        measuring.then(self._show_forecast, [language, visitor], self.forecast_outputs, **QUEUED)

    def relabel_after(self, event: Dependency, language: gr.Radio, visitor: gr.BrowserState) -> None:
        """After the event, which changed the language, translate what is shown of the draft."""
        outputs = [*self.forecast_outputs, self.table]
        event.then(self._relabel, [language, visitor, self.table], outputs, **QUEUED)

    # --- handlers

    def _import_images(self, language: str, visitor: str, paths: list[str]) -> Updates:
        translate = Translator(language)
        try:
            draft = self._training.drafts.import_images(visitor, [Path(path) for path in paths])
        except EXPECTED_ERRORS as error:
            return {self.error: error_html(error_text(translate, error, "teach_refused"))}
        return self._show(translate, draft)

    def _restore(self, language: str, visitor: str) -> Updates:
        draft = self._training.drafts.get(visitor)
        return self._show(Translator(language), draft) if draft else gr.skip()

    def _relabel(self, language: str, visitor: str, table: Rows) -> Updates:
        translate, draft = Translator(language), self._training.drafts.get(visitor)
        updates: Updates = {self.table: _table_value(translate, table)}
        if draft is None:
            return updates
        updates[self.report] = report_html(translate, draft)
        return updates | self._show_forecast(language, visitor)

    def _save_captions(self, visitor: str, table: Rows) -> None:
        self._training.drafts.save_captions(visitor, captions(table))

    def _discard(self, language: str, visitor: str) -> Updates:
        """Discard the draft; `language` is empty if the visitor declined (see confirm_js)."""
        if not language:
            return gr.skip()
        self._training.drafts.discard(visitor)
        return self.cleared()

    def cleared(self) -> Updates:
        """Show no draft; changes `outputs`."""
        return {self.body: gr.update(visible=False), self.error: "", self.table: [], self.forecast: ""}

    def _show(self, translate: Translator, draft: ImageFolder) -> Updates:
        rows = [
            [_thumbnail_html(image), item.name, item.caption]
            for item, image in zip(draft.items, draft.read_images(), strict=True)
        ]
        return {
            self.body: gr.update(visible=bool(draft.items)),
            self.report: report_html(translate, draft),
            self.table: _table_value(translate, rows),
            self.forecast: "",
            self.error: "" if draft.items else error_html(translate("teach_nothing")),
        }

    def _forecast_progress(self, language: str, visitor: str) -> str:
        draft = self._training.drafts.get(visitor)
        return progress_bar(Translator(language)("teach_measuring")) if draft and draft.items else ""

    def _show_forecast(self, language: str, visitor: str) -> Updates:
        """Measure the forecast of the draft, if there is one; changes `forecast_outputs`."""
        translate, draft = Translator(language), self._training.drafts.get(visitor)
        if draft is None or not draft.items:
            return {self.status: ""}
        try:
            forecast = self._training.drafts.forecast(visitor, self._studio.folder)
        except EXPECTED_ERRORS as error:
            return {self.status: "", self.error: error_html(error_text(translate, error, "teach_refused"))}
        return {
            self.status: "",
            self.forecast: forecast_html(translate, forecast),
            self.preset: gr.update(choices=self._preset_choices(translate, forecast)),
        }

    def _preset_choices(self, translate: Translator, forecast: Forecast | None) -> list[tuple[str, str]]:
        """The presets, with the time that each will take if there is a forecast."""
        choices = []
        for preset in self._training.limits.presets:
            label = translate(f"preset_{preset}")
            if forecast:
                label += f" · {format_duration(translate, forecast.seconds[preset])}"
            choices.append((label, preset))
        return choices


def captions(table: Rows) -> list[tuple[str, str]]:
    """(file name, caption) of the table's rows, without the empty rows that visitors add by accident."""
    return [(str(name), str(caption or "")) for _, name, caption in table if name or caption]


def _import_progress(language: str) -> tuple[str, str]:
    """Values of `status` and `error`."""
    return progress_bar(Translator(language)("teach_reading")), ""


def _share_caption(language: str, table: Rows, caption: str) -> dict[str, Any]:
    """The table with one caption for all images."""
    return _table_value(Translator(language), [[image, name, caption] for image, name, _ in table])


def _table_value(translate: Translator, rows: Rows) -> dict[str, Any]:
    return {"headers": _headers(translate), "data": list(rows)}


def _headers(translate: Translator) -> list[str]:
    return [translate("teach_picture"), translate("teach_file"), translate("teach_caption")]


def _resize_mode_choices(translate: Translator) -> list[tuple[str, str]]:
    return [(translate("teach_crop"), "crop"), (translate("teach_pad"), "pad")]


def _thumbnail_html(image: Image.Image) -> str:
    url = tiles.preview_url(fit_on_white(image, TABLE_IMAGE_SIZE, "pad"))
    return f'<img src="{url}" width="{TABLE_IMAGE_SIZE}" height="{TABLE_IMAGE_SIZE}" alt="">'


def _invitation_html(translate: Translator) -> str:
    return f"<h3>{translate('teach_invitation')}</h3><p class='hint'>{translate('teach_invitation_hint')}</p>"
