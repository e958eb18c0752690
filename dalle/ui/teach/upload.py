"""Pictures to learn, before the start: handed over, told apart, captioned; and what to expect of them."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from dalle.data.folder.archive import ImportIssue
from dalle.data.folder.augmentation import fit_on_white
from dalle.data.folder.image_folder import CaptionedImage, ImageFolder
from dalle.errors import ErrorMessage
from dalle.recipe import MAX_PROMPT_LENGTH
from dalle.serving.drafts import Forecast
from dalle.serving.studio import Studio
from dalle.serving.training_service import TrainingService
from dalle.ui.shared import tiles
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    Updates,
    confirm_js,
    error_html,
    error_text,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import progress_bar
from dalle.ui.shared.texts import Translator, format_duration

SIDE = 40  # pixels of a picture in the table
LISTED = 100  # problems by name; further ones are counted
Rows = Sequence[Sequence[Any]]  # of the table: picture, file name, caption


class Draft:
    """`inputs`: the table, then name, preset, how and flips; `outputs`: what changes with a draft."""

    def __init__(self, studio: Studio, workshop: TrainingService, localized: Localizer):
        self._studio, self._workshop = studio, workshop
        localized.heading("teach_pictures")
        self._zone(localized)
        self.status = gr.HTML(apply_default_css=False, elem_id="draft-status", elem_classes="status")
        self.trouble = gr.HTML(apply_default_css=False, elem_classes="status")
        with gr.Column(visible=False, elem_id="draft") as self.body:
            self.report = gr.HTML(apply_default_css=False)
            self._captions(localized)
            self.holds = gr.HTML(apply_default_css=False)
            self.fields = self._wishes(localized)
        self.inputs = [self.table, *self.fields]
        self.told = {self.status, self.trouble, self.report, self.holds, self.preset}
        self.outputs = {self.trouble, self.body, self.report, self.holds, *self.inputs}

    def _zone(self, localized: Localizer) -> None:
        """Where pictures come in: by two buttons, or dropped anywhere on the page."""
        with gr.Column(elem_id="zone"):
            localized(gr.HTML, {"value": _invitation}, apply_default_css=False)
            with gr.Row(elem_classes="buttons"):
                self.files = localized.upload_button(
                    "teach_files", "teach-files", file_count="multiple", min_width=0
                )
                self.folder = localized.upload_button(
                    "teach_folder", "teach-folder", file_count="directory", min_width=0
                )

    def _captions(self, localized: Localizer) -> None:
        with gr.Row(elem_id="same", equal_height=True):
            self.word = localized(
                gr.Textbox,
                {"label": "teach_word", "placeholder": "teach_word_hint"},
                max_lines=1,
                max_length=MAX_PROMPT_LENGTH,
                scale=1,
            )
            self.same = localized(gr.Button, {"value": "teach_same"}, size="sm", scale=0)
        self.table = gr.Dataframe(  # its words come with its value: Gradio changes headers in no other way
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

    def _wishes(self, localized: Localizer) -> list[Any]:
        """Name, preset, how to make squares, whether mirrored pictures are as good; and the start."""
        self.preset = localized(
            gr.Radio,
            {"label": "teach_preset", "choices": lambda translate: self._presets(translate, None)},
            value=self._workshop.limits.presets[0],
            elem_classes="pills",
            elem_id="preset",
        )
        with localized(gr.Accordion, {"label": "settings"}, open=False):
            how = localized(
                gr.Radio,
                {
                    "label": "teach_how",
                    "choices": lambda translate: [
                        (translate("teach_crop"), "crop"),
                        (translate("teach_pad"), "pad"),
                    ],
                },
                value="crop",
                elem_classes="pills",
            )
            flips = localized(gr.Checkbox, {"label": "teach_flips"}, value=False)
            name = localized(
                gr.Textbox,
                {"label": "teach_name", "placeholder": "teach_name_hint"},
                max_lines=1,
                max_length=40,
            )
        with gr.Row():
            self.start = localized(gr.Button, {"value": "teach_start"}, variant="primary", elem_id="teach")
            self.forget = localized(
                gr.Button, {"value": "teach_forget"}, size="sm", scale=0, elem_id="forget"
            )
        return [name, self.preset, how, flips]

    def wire(self, language: gr.Radio, visitor: gr.BrowserState) -> None:
        who = [language, visitor]
        # No generators: Gradio takes a yield that leaves a field out for the field's value.
        for upload in (self.files, self.folder):
            begun = upload.upload(self.reading, language, [self.status, self.trouble], **UNQUEUED)
            self._foretell(begun.then(self.gather, [*who, upload], self.outputs, **QUEUED), who)
        given = [language, self.table, self.word]
        same = gr.on([self.same.click, self.word.submit], _captioned, given, self.table, **UNQUEUED)
        for typed in (self.table.input, same.then):  # so that a page that is reloaded still has them
            typed(self._keep, [visitor, self.table], None, **UNQUEUED)
        self.forget.click(self.forgotten, who, self.outputs, js=confirm_js("forget_sure"), **UNQUEUED)

    # --- what the events do

    def gather(self, language: str, visitor: str, paths: list[str]) -> Updates:
        """Read what was handed over."""
        try:
            draft = self._workshop.drafts.import_images(visitor, [Path(path) for path in paths])
        except EXPECTED_ERRORS as error:
            return {self.trouble: error_html(error_text(Translator(language), error, "teach_refused"))}
        return self._shown(Translator(language), draft)

    def arrive(self, page_is_open: Any, visitor: gr.BrowserState, language: gr.Radio) -> None:
        """After an event, show a draft that is there from before."""
        who = [language, visitor]
        self._foretell(page_is_open.then(self.restore, who, self.outputs, **UNQUEUED), who)

    def _foretell(self, shown: Any, who: list[Any]) -> None:
        """After an event, what is to be expected of the draft that is shown."""
        begun = shown.then(self.measuring, who, self.status, **UNQUEUED)
        begun.then(self.foresee, who, self.told, **QUEUED)

    def restore(self, language: str, visitor: str) -> Updates:
        draft = self._workshop.drafts.get(visitor)
        return self._shown(Translator(language), draft) if draft else gr.skip()

    def retell(self, language: str, visitor: str, table: Rows) -> Updates:
        """What is told of the draft, in another language; changes `told` and the table."""
        translate, draft = Translator(language), self._workshop.drafts.get(visitor)
        if draft is None:
            return {self.table: _table(translate, table)}
        told = {self.report: _report(translate, draft), self.table: _table(translate, table)}
        return told | self.foresee(language, visitor)

    def _keep(self, visitor: str, table: Rows) -> None:
        self._workshop.drafts.save_captions(visitor, self.rows(table))

    def forgotten(self, language: str, visitor: str) -> Updates:
        """Without a language the visitor was not sure."""
        if not language:
            return gr.skip()
        self._workshop.drafts.discard(visitor)
        return self.cleared()

    def cleared(self) -> Updates:
        return {self.body: gr.update(visible=False), self.trouble: "", self.table: [], self.holds: ""}

    def rows(self, table: Rows) -> list[tuple[str, str]]:
        """(file name, caption) of the table's rows, less empty ones that were added by a slip of the hand."""
        return [(str(name), str(caption or "")) for _, name, caption in table if name or caption]

    def _shown(self, translate: Translator, draft: ImageFolder) -> Updates:
        pictures = zip(draft.items, draft.read_images(), strict=True)
        return {
            self.body: gr.update(visible=bool(draft.items)),
            self.report: _report(translate, draft),
            self.table: _table(
                translate, [[_small(each), item.name, item.caption] for item, each in pictures]
            ),
            self.holds: "",
            self.trouble: "" if draft.items else error_html(translate("teach_nothing")),
        }

    def reading(self, language: str) -> tuple[str, str]:
        return progress_bar(Translator(language)("teach_reading")), ""

    def measuring(self, language: str, visitor: str) -> str:
        draft = self._workshop.drafts.get(visitor)
        return progress_bar(Translator(language)("teach_measuring")) if draft and draft.items else ""

    def foresee(self, language: str, visitor: str) -> Updates:
        """What is to be expected of the draft, if there is one."""
        translate, draft = Translator(language), self._workshop.drafts.get(visitor)
        if draft is None or not draft.items:
            return {self.status: ""}
        try:
            outlook = self._workshop.drafts.forecast(visitor, self._studio.folder)
        except EXPECTED_ERRORS as error:
            return {self.status: "", self.trouble: error_html(error_text(translate, error, "teach_refused"))}
        return {
            self.status: "",
            self.holds: _holds(translate, outlook),
            self.preset: gr.update(choices=self._presets(translate, outlook)),
        }

    def _presets(self, translate: Translator, outlook: Forecast | None) -> list[tuple[str, str]]:
        """Names of the presets, with the time that each will take where it was measured."""
        return [
            (
                translate(f"preset_{name}")
                + (f" · {format_duration(translate, outlook.seconds[name])}" if outlook else ""),
                name,
            )
            for name in self._workshop.limits.presets
        ]


def _headers(translate: Translator) -> list[str]:
    return [translate("teach_picture"), translate("teach_file"), translate("teach_caption")]


def _table(translate: Translator, rows: Rows) -> dict[str, Any]:
    """The value of the table."""
    return {"headers": _headers(translate), "data": list(rows)}


def _captioned(language: str, table: Rows, word: str) -> dict[str, Any]:
    """Every picture under one caption."""
    return _table(Translator(language), [[picture, name, word] for picture, name, _ in table])


def _small(picture: Image.Image) -> str:
    source = tiles.preview_url(fit_on_white(picture, SIDE, "pad"))
    return f'<img src="{source}" width="{SIDE}" height="{SIDE}" alt="">'


def _invitation(translate: Translator) -> str:
    return f"<h3>{translate('teach_invitation')}</h3><p class='hint'>{translate('teach_invitation_hint')}</p>"


def _report(translate: Translator, draft: ImageFolder) -> str:
    """How many pictures and captions there are, and what will not be learnt from, by name."""
    counts = [("count", len(draft.items)), ("matched", _from(draft.items, "metadata", "text"))]
    counts += [(f"by_{kind}", _from(draft.items, kind)) for kind in ("folder", "name")]
    counts += [("uncaptioned", len(draft.uncaptioned)), ("problems", len(draft.issues))]
    told = " ".join(
        f'<li class="count-{name}"><b>{count}</b> {translate(f"teach_{name}")}</li>'
        for name, count in counts
        if count or name in ("count", "matched")
    )
    return f'<ul class="counts">{told}</ul>{_problems(translate, draft.issues)}'


def _from(items: Sequence[CaptionedImage], *sources: str) -> int:
    return sum(item.source in sources for item in items)


def _problems(translate: Translator, problems: Sequence[ImportIssue]) -> str:
    if not problems:
        return ""
    lines = [
        f"<li><b>{escape(each.name)}</b> <i>{translate(f'problem_{each.kind}')}</i> {escape(_why(translate, each))}</li>"
        for each in problems[:LISTED]
    ]
    if len(problems) > LISTED:
        lines.append(f"<li>+ {len(problems) - LISTED}</li>")
    return (
        f'<details class="problems"><summary>{translate("teach_left_out")}</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def _why(translate: Translator, problem: ImportIssue) -> str:
    return (
        translate.error_message(ErrorMessage(problem.code, problem.values))
        if problem.code
        else problem.reason
    )


def _holds(translate: Translator, outlook: Forecast) -> str:
    """How well the checkpoint can hold the pictures at all: each above its reconstruction."""
    psnr = f"{outlook.psnr:.0f}"
    told = (
        translate("teach_holds_adapts", psnr=psnr)
        if outlook.adapts_generator
        else translate("teach_holds_well", psnr=psnr)
    )
    sheet = tiles.preview_url(outlook.reconstructions)
    return f'<figure class="exhibit"><img src="{sheet}" alt="{told}"><figcaption>{told}</figcaption></figure>'
