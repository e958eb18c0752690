"""Pictures to learn, before the start: handed over, told apart, captioned; and what to expect of them."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from dalle.data.folder.archive import ImportIssue
from dalle.data.folder.augmentation import plain
from dalle.data.folder.image_folder import Folder, Item
from dalle.errors import ErrorMessage
from dalle.recipe import MAX_PROMPT
from dalle.serving.studio import Studio
from dalle.serving.training_service import Forecast, TrainingService
from dalle.ui.shared import tiles
from dalle.ui.shared.events import AT_ONCE, EXPECTED_ERRORS, QUIET, View, confirm_js, error_html, error_text
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.progress import bar
from dalle.ui.shared.texts import Translator, duration

SIDE = 40  # pixels of a picture in the table
LISTED = 100  # problems by name; further ones are counted
Rows = Sequence[Sequence[Any]]  # of the table: picture, file name, caption


class Draft:
    """`inputs`: the table, then name, preset, how and flips; `outputs`: what changes with a draft."""

    def __init__(self, studio: Studio, workshop: TrainingService, spoken: Localizer):
        self._studio, self._workshop = studio, workshop
        spoken.heading("teach_pictures")
        self._zone(spoken)
        self.status = gr.HTML(apply_default_css=False, elem_id="draft-status", elem_classes="status")
        self.trouble = gr.HTML(apply_default_css=False, elem_classes="status")
        with gr.Column(visible=False, elem_id="draft") as self.body:
            self.report = gr.HTML(apply_default_css=False)
            self._captions(spoken)
            self.holds = gr.HTML(apply_default_css=False)
            self.fields = self._wishes(spoken)
        self.inputs = [self.table, *self.fields]
        self.told = {self.status, self.trouble, self.report, self.holds, self.preset}
        self.outputs = {self.trouble, self.body, self.report, self.holds, *self.inputs}

    def _zone(self, spoken: Localizer) -> None:
        """Where pictures come in: by two buttons, or dropped anywhere on the page."""
        with gr.Column(elem_id="zone"):
            spoken(gr.HTML, lambda say: {"value": _invitation(say)}, apply_default_css=False)
            with gr.Row(elem_classes="buttons"):
                self.files = spoken.upload("teach_files", "teach-files", file_count="multiple", min_width=0)
                self.folder = spoken.upload(
                    "teach_folder", "teach-folder", file_count="directory", min_width=0
                )

    def _captions(self, spoken: Localizer) -> None:
        with gr.Row(elem_id="same", equal_height=True):
            self.word = spoken(
                gr.Textbox,
                lambda say: {"label": say("teach_word"), "placeholder": say("teach_word_hint")},
                max_lines=1,
                max_length=MAX_PROMPT,
                scale=1,
            )
            self.same = spoken(gr.Button, lambda say: {"value": say("teach_same")}, size="sm", scale=0)
        self.table = gr.Dataframe(  # its words come with its value: Gradio changes headers in no other way
            headers=_headers(Translator(spoken.language)),
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

    def _wishes(self, spoken: Localizer) -> list[Any]:
        """Name, preset, how to make squares, whether mirrored pictures are as good; and the start."""
        self.preset = spoken(
            gr.Radio,
            lambda say: {"label": say("teach_preset"), "choices": self._presets(say, None)},
            value=self._workshop.limits.presets[0],
            elem_classes="pills",
            elem_id="preset",
        )
        with spoken(gr.Accordion, lambda say: {"label": say("settings")}, open=False):
            how = spoken(
                gr.Radio,
                lambda say: {
                    "label": say("teach_how"),
                    "choices": [(say("teach_crop"), "crop"), (say("teach_pad"), "pad")],
                },
                value="crop",
                elem_classes="pills",
            )
            flips = spoken(gr.Checkbox, lambda say: {"label": say("teach_flips")}, value=False)
            name = spoken(
                gr.Textbox,
                lambda say: {"label": say("teach_name"), "placeholder": say("teach_name_hint")},
                max_lines=1,
                max_length=40,
            )
        with gr.Row():
            self.start = spoken(
                gr.Button, lambda say: {"value": say("teach_start")}, variant="primary", elem_id="teach"
            )
            self.forget = spoken(
                gr.Button, lambda say: {"value": say("teach_forget")}, size="sm", scale=0, elem_id="forget"
            )
        return [name, self.preset, how, flips]

    def wire(self, language: gr.Radio, visitor: gr.BrowserState) -> None:
        who = [language, visitor]
        # No generators: Gradio takes a yield that leaves a field out for the field's value.
        for upload in (self.files, self.folder):
            begun = upload.upload(self.reading, language, [self.status, self.trouble], **AT_ONCE)
            self._foretell(begun.then(self.gather, [*who, upload], self.outputs, **QUIET), who)
        given = [language, self.table, self.word]
        same = gr.on([self.same.click, self.word.submit], _captioned, given, self.table, **AT_ONCE)
        for typed in (self.table.input, same.then):  # so that a page that is reloaded still has them
            typed(self._keep, [visitor, self.table], None, **AT_ONCE)
        self.forget.click(self.forgotten, who, self.outputs, js=confirm_js("forget_sure"), **AT_ONCE)

    # --- what the events do

    def gather(self, language: str, visitor: str, paths: list[str]) -> View:
        """Read what was handed over."""
        try:
            draft = self._workshop.gather(visitor, [Path(path) for path in paths])
        except EXPECTED_ERRORS as error:
            return {self.trouble: error_html(error_text(Translator(language), error, "teach_refused"))}
        return self._shown(Translator(language), draft)

    def arrive(self, page_is_open: Any, visitor: gr.BrowserState, language: gr.Radio) -> None:
        """After an event, show a draft that is there from before."""
        who = [language, visitor]
        self._foretell(page_is_open.then(self.restore, who, self.outputs, **AT_ONCE), who)

    def _foretell(self, shown: Any, who: list[Any]) -> None:
        """After an event, what is to be expected of the draft that is shown."""
        begun = shown.then(self.measuring, who, self.status, **AT_ONCE)
        begun.then(self.foresee, who, self.told, **QUIET)

    def restore(self, language: str, visitor: str) -> View:
        draft = self._workshop.draft(visitor)
        return self._shown(Translator(language), draft) if draft else gr.skip()

    def retell(self, language: str, visitor: str, table: Rows) -> View:
        """What is told of the draft, in another language; changes `told` and the table."""
        say, draft = Translator(language), self._workshop.draft(visitor)
        if draft is None:
            return {self.table: _table(say, table)}
        told = {self.report: _report(say, draft), self.table: _table(say, table)}
        return told | self.foresee(language, visitor)

    def _keep(self, visitor: str, table: Rows) -> None:
        self._workshop.keep_captions(visitor, self.rows(table))

    def forgotten(self, language: str, visitor: str) -> View:
        """Without a language the visitor was not sure."""
        if not language:
            return gr.skip()
        self._workshop.forget(visitor)
        return self.cleared()

    def cleared(self) -> View:
        return {self.body: gr.update(visible=False), self.trouble: "", self.table: [], self.holds: ""}

    def rows(self, table: Rows) -> list[tuple[str, str]]:
        """(file name, caption) of the table's rows, less empty ones that were added by a slip of the hand."""
        return [(str(name), str(caption or "")) for _, name, caption in table if name or caption]

    def _shown(self, say: Translator, draft: Folder) -> View:
        pictures = zip(draft.items, draft.pictures(), strict=True)
        return {
            self.body: gr.update(visible=bool(draft.items)),
            self.report: _report(say, draft),
            self.table: _table(say, [[_small(each), item.name, item.caption] for item, each in pictures]),
            self.holds: "",
            self.trouble: "" if draft.items else error_html(say("teach_nothing")),
        }

    def reading(self, language: str) -> tuple[str, str]:
        return bar(Translator(language)("teach_reading")), ""

    def measuring(self, language: str, visitor: str) -> str:
        draft = self._workshop.draft(visitor)
        return bar(Translator(language)("teach_measuring")) if draft and draft.items else ""

    def foresee(self, language: str, visitor: str) -> View:
        """What is to be expected of the draft, if there is one."""
        say, draft = Translator(language), self._workshop.draft(visitor)
        if draft is None or not draft.items:
            return {self.status: ""}
        try:
            outlook = self._workshop.outlook(visitor, self._studio.folder)
        except EXPECTED_ERRORS as error:
            return {self.status: "", self.trouble: error_html(error_text(say, error, "teach_refused"))}
        return {
            self.status: "",
            self.holds: _holds(say, outlook),
            self.preset: gr.update(choices=self._presets(say, outlook)),
        }

    def _presets(self, say: Translator, outlook: Forecast | None) -> list[tuple[str, str]]:
        """Names of the presets, with the time that each will take where it was measured."""
        return [
            (say(f"preset_{name}") + (f" · {duration(say, outlook.seconds[name])}" if outlook else ""), name)
            for name in self._workshop.limits.presets
        ]


def _headers(say: Translator) -> list[str]:
    return [say("teach_picture"), say("teach_file"), say("teach_caption")]


def _table(say: Translator, rows: Rows) -> dict[str, Any]:
    """The value of the table."""
    return {"headers": _headers(say), "data": list(rows)}


def _captioned(language: str, table: Rows, word: str) -> dict[str, Any]:
    """Every picture under one caption."""
    return _table(Translator(language), [[picture, name, word] for picture, name, _ in table])


def _small(picture: Image.Image) -> str:
    source = tiles.preview(plain(picture, SIDE, "pad"))
    return f'<img src="{source}" width="{SIDE}" height="{SIDE}" alt="">'


def _invitation(say: Translator) -> str:
    return f"<h3>{say('teach_invitation')}</h3><p class='hint'>{say('teach_invitation_hint')}</p>"


def _report(say: Translator, draft: Folder) -> str:
    """How many pictures and captions there are, and what will not be learnt from, by name."""
    counts = [("count", len(draft.items)), ("matched", _from(draft.items, "metadata", "text"))]
    counts += [(f"by_{kind}", _from(draft.items, kind)) for kind in ("folder", "name")]
    counts += [("uncaptioned", len(draft.uncaptioned)), ("problems", len(draft.problems))]
    told = " ".join(
        f'<li class="count-{name}"><b>{count}</b> {say(f"teach_{name}")}</li>'
        for name, count in counts
        if count or name in ("count", "matched")
    )
    return f'<ul class="counts">{told}</ul>{_problems(say, draft.problems)}'


def _from(items: Sequence[Item], *sources: str) -> int:
    return sum(item.source in sources for item in items)


def _problems(say: Translator, problems: Sequence[ImportIssue]) -> str:
    if not problems:
        return ""
    lines = [
        f"<li><b>{escape(each.name)}</b> <i>{say(f'problem_{each.kind}')}</i> {escape(_why(say, each))}</li>"
        for each in problems[:LISTED]
    ]
    if len(problems) > LISTED:
        lines.append(f"<li>+ {len(problems) - LISTED}</li>")
    return (
        f'<details class="problems"><summary>{say("teach_left_out")}</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def _why(say: Translator, problem: ImportIssue) -> str:
    return say.why(ErrorMessage(problem.code, problem.values)) if problem.code else problem.reason


def _holds(say: Translator, outlook: Forecast) -> str:
    """How well the checkpoint can hold the pictures at all: each above its reconstruction."""
    psnr = f"{outlook.psnr:.0f}"
    told = say("teach_holds_adapts", psnr=psnr) if outlook.adapts else say("teach_holds_well", psnr=psnr)
    sheet = tiles.preview(outlook.sheet)
    return f'<figure class="exhibit"><img src="{sheet}" alt="{told}"><figcaption>{told}</figcaption></figure>'
