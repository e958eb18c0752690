"""The Edit tab: a picture comes in, a tool is chosen, and results stand beside what they came from."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from dalle import edits
from dalle.editing.editor import MissingFileError
from dalle.edits import FromFile, PromptEdit
from dalle.recipe import MAX_PROMPT_LENGTH, Picture, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.edit.results import Results, shown
from dalle.ui.edit.tools import NAMES, EditForm, Tools, files
from dalle.ui.shared import links
from dalle.ui.shared.events import (
    EXPECTED_ERRORS,
    QUEUED,
    UNQUEUED,
    CancelEvents,
    Updates,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import Code, OpenPicture, slider_values
from dalle.ui.shared.progress import frame_progress, progress_bar
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

LIVE = "bend"  # the tool whose results follow its sliders
PLACES = 3  # decimals of a code in a recipe
WHOLE = ("enlarge", "cut")  # tools that leave a picture its own shape
# The mask is in the browser until it is asked for; three values stand before those of the tools.
WITH_MASK = f"(...all) => {{ all[{3 + NAMES.index('mask')}] = dalle.mask(); return all; }}"


@dataclass(frozen=True)
class Opened:
    """A picture that is being edited."""

    tile: EncodedPicture
    fitted: str  # address of the picture as the model takes it
    code: tuple[float, ...]

    @property
    def described(self) -> bool:
        """Whether it is the visitor who says what it shows."""
        kinds = [edit["kind"] for edit in self.tile.recipe.edits]
        return kinds == [FromFile.kind]

    def saying(self, caption: str) -> Picture:
        """The picture, under what the visitor says that it shows."""
        picture = self.tile.decode()
        if not self.described:
            return picture
        return Picture(picture.image, dataclasses.replace(picture.recipe, prompt=caption))


class EditTab:
    """`opened` is the State with the picture; None: there is none."""

    def __init__(self, studio: Studio, localized: Localizer, language: gr.Radio, tabs: gr.Tabs):
        self._studio, self._language, self._tabs, self._running = studio, language, tabs, CancelEvents()
        self.opened, self.awaited = gr.State(None), gr.State(None)
        self.made = gr.State([])  # by the last edit, for the history; nothing where it failed
        with gr.Row(elem_id="edit-room"):
            with gr.Column(scale=6, min_width=300, elem_classes="sheet"):
                self._easel(localized)
                mask = gr.Textbox(label="", visible="hidden")
                with gr.Column(visible=False, elem_id="workshop") as self.body:
                    self.tools = Tools(localized, mask)
                    self._start(localized)
            with gr.Column(scale=5, min_width=300, elem_classes="sheet"):
                self.results = Results(localized)
        self._wire()

    def arrive(self, greeted: Any, create: CreateTab) -> None:
        """What comes from elsewhere: Create's open picture, a link once the language is known, a PNG file.

        And the history, which keeps what is made here as well.
        """
        language, bench, drop = self._language, create.panel, create.history.upload
        history = self._history = create.history
        self._edited.then(history.add, [history.entries, self.made], history.outputs, **UNQUEUED)
        history.thumbnails.select(self.from_history, [language, history.entries], self.outputs, **QUEUED)
        bench.file_buttons["edit"].click(
            self.receive, [language, bench.picture_state], self.outputs, **QUEUED
        )
        greeted.then(self.from_link, language, self.outputs, **QUEUED)
        drop.upload(self.from_png, [language, drop], self.outputs, **QUEUED)

    def _easel(self, localized: Localizer) -> None:
        """Where the picture stands, beside how the model sees it."""
        with localized.heading("edit_picture"):
            self.open = localized.upload_button("edit_open", "edit-open", scale=0)
        self.trouble = gr.HTML(apply_default_css=False, elem_id="edit-trouble")
        self.empty = localized(gr.HTML, {"value": _empty}, apply_default_css=False)
        self.pair = gr.HTML(visible=False, apply_default_css=False, elem_id="pair")
        self.caption = localized(
            gr.Textbox,
            {"label": "edit_caption", "placeholder": "edit_caption_hint"},
            max_lines=1,
            max_length=MAX_PROMPT_LENGTH,
            visible=False,
            elem_id="edit-caption",
        )

    def _start(self, localized: Localizer) -> None:
        with gr.Row(elem_id="edit-go"):
            self.go = localized(gr.Button, {"value": "edit_go"}, variant="primary", elem_id="edit-start")
            self.stop = localized(gr.Button, {"value": "stop"}, visible=False, elem_id="edit-stop")

    @property
    def outputs(self) -> set[Any]:
        """What changes when a picture is opened."""
        own = {self.opened, self.awaited, self.trouble, self.empty, self.pair, self.caption, self.body}
        return (
            own
            | {self._tabs, self.tools.wanted, self.tools.board}
            | set(self.tools.bending.outputs)
            | self.results.outputs
        )

    def _wire(self) -> None:
        tools, results, language = self.tools, self.results, self._language
        results.wire(language)
        came = [language, self.open, self.awaited]
        self.open.upload(self._from_file, came, self.outputs, trigger_mode="always_last", **QUEUED)
        looks = {tools.other, tools.shown_other}
        tools.open_other.upload(self._other, [language, tools.open_other], looks, **QUEUED)
        asked = [language, self.opened, self.caption, *tools.inputs, tools.other, results.tiles]
        busy = {self.go, self.stop, self.made} | results.outputs
        self._edited = self.go.click(self._edit, asked, busy, js=WITH_MASK, **QUEUED)
        self.stop.click(self._running.set, **UNQUEUED)
        tools.tool.change(lambda tool: gr.update(visible=tool != LIVE), tools.tool, self.go, **UNQUEUED)
        bending = tools.bending
        bending.connect(language, lambda: self._studio.sliders)
        gr.on(
            [slider.input for slider in bending.sliders],
            self._bend,
            [language, self.opened, self.caption, bending.code_indices, *bending.sliders],
            results.outputs,
            trigger_mode="always_last",  # the newest value wins, and nothing queues up
            **UNQUEUED,
        )
        kept = [language, results.tiles, results.chosen]
        results.actions["go_on"].click(self._go_on, kept, self.outputs, **QUEUED)

    # --- pictures that come in

    def receive(self, language: str, shape: OpenPicture) -> Iterator[Updates]:
        """The picture that is open in Create."""
        yield from self._taken(language, lambda: self._studio.draw_now(shape.recipe))

    def _taken(self, language: str, get: Callable[[], Picture]) -> Iterator[Updates]:
        """Open a picture; where that cannot be done, say so and leave open what was."""
        yield self._opening(language)
        try:
            yield self._show(language, get())
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(Translator(language), error)))

    def from_link(self, request: gr.Request, language: str) -> Iterator[Updates]:
        """What a link with edits leads to; other links are Create's."""
        yield from self._carried(language, lambda: links.recipe_from_query(str(request.query_params)))

    def from_history(self, event: gr.EventData, language: str, entries: Any) -> Iterator[Updates]:
        """A picture that was edited before; others are Create's."""
        yield from self._carried(language, lambda: self._history.recipe(entries, event.index))

    def from_png(self, language: str, path: str) -> Iterator[Updates]:
        """The same for a PNG file that was dropped."""
        yield from self._carried(language, lambda: load_png(path))

    def _carried(self, language: str, read: Callable[[], Recipe | None]) -> Iterator[Updates]:
        try:
            recipe = read()
        except ValueError:  # Create tells of it
            recipe = None
        yield from self._replayed(language, recipe)

    def _replayed(
        self, language: str, recipe: Recipe | None, given: dict[str, Any] | None = None
    ) -> Iterator[Updates]:
        if recipe is None or not recipe.edits:
            yield gr.skip()
            return
        translate = Translator(language)
        yield self._opening(language)
        fitted, other = links.adapt_recipe(recipe, self._studio)
        if other:
            links.warn_other_checkpoint(translate, recipe, fitted)
        try:
            for frame in self._studio.replay(fitted, files=given or {}):
                if not frame.done:
                    yield {self.trouble: frame_progress(translate, frame)}
            yield self._show(language, frame.pictures[0])
        except MissingFileError as error:
            yield self._closed(error_html(translate("needs_file", file=error.digest))) | {
                self.awaited: recipe
            }
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(translate, error, "link_bad")))

    def _from_file(self, language: str, path: str, awaited: Recipe | None) -> Iterator[Updates]:
        """A picture of the visitor's; the one that an opened link waits for goes through its edits."""
        yield self._opening(language)
        translate = Translator(language)
        try:
            picture = self._studio.open_file(Path(path).read_bytes())
            digests = edits.required_files(picture.recipe)
            if awaited is not None and digests and digests[0] in edits.required_files(awaited):
                yield from self._replayed(language, awaited, {digests[0]: picture.image})
                return
            yield self._show(language, picture)
            if awaited is not None:
                gr.Warning(translate("edit_other_file", file=edits.required_files(awaited)[0]), duration=None)
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(translate, error, "edit_bad_file")))

    def _other(self, language: str, path: str) -> Updates:
        with show_errors(Translator(language), "edit_bad_file"):
            tile = EncodedPicture.encode(self._studio.open_file(Path(path).read_bytes()))
        return {self.tools.other: tile, self.tools.shown_other: f'<img src="{shown(tile)}" alt="">'}

    def _go_on(self, language: str, drawn: tuple[EncodedPicture, ...], chosen: int) -> Iterator[Updates]:
        tile = drawn[chosen]
        _, other = links.adapt_recipe(tile.recipe, self._studio)
        # To a checkpoint that did not draw it, it is a file like any other.
        yield from self._taken(language, lambda: self._studio.open_file(tile.png) if other else tile.decode())

    def _opening(self, language: str) -> Updates:
        return {
            self._tabs: gr.Tabs(selected="edit"),
            self.trouble: progress_bar(Translator(language)("edit_opening")),
        }

    def _closed(self, trouble: str) -> Updates:
        """Nothing new came in; what was there stays."""
        return {self.trouble: trouble}

    def _show(self, language: str, picture: Picture) -> Updates:
        translate, view = Translator(language), self._seen(Translator(language), picture)
        opened, caption = view[self.opened], edits.current_prompt(picture.recipe)
        return view | {
            self.awaited: None,
            self.trouble: "",
            self.empty: gr.update(visible=False),
            self.caption: gr.update(value=caption, visible=True, interactive=opened.described),
            self.body: gr.update(visible=True),
            **self.tools.show(translate, opened.tile, opened.fitted),
            **self.results.cleared(),
        }

    def _seen(self, translate: Translator, picture: Picture) -> Updates:
        """A picture as the checkpoint in use sees it, and where that checkpoint's sliders stand for it."""
        seen = self._studio.reconstruct(picture)
        fitted, again = (
            EncodedPicture.encode(each) for each in (Picture(seen.model_input, picture.recipe), seen.picture)
        )
        return {
            self.opened: Opened(EncodedPicture.encode(picture), fitted.data_url, seen.code),
            self.pair: gr.update(
                value=_pair(translate, fitted.data_url, again.data_url, seen.psnr), visible=True
            ),
            **self.tools.bending.updates(translate, self._studio.sliders, _stood(seen.code)),
        }

    @property
    def seen(self) -> set[Any]:
        """What changes when another checkpoint looks at the open picture."""
        return {self.opened, self.pair, self.caption} | set(self.tools.bending.outputs)

    def refit(self, language: str, opened: Opened | None) -> Updates:
        """Look at the open picture again, by the checkpoint that is in use now; changes `seen`.

        To a checkpoint that did not draw it, it is a file like any other.
        """
        if opened is None:
            return gr.skip()
        with show_errors(Translator(language)):
            view = self._seen(Translator(language), self._studio.open_file(opened.tile.png))
        return view | {self.caption: gr.update(interactive=view[self.opened].described)}

    # --- edits

    def _edit(
        self, request: gr.Request, language: str, opened: Opened | None, caption: str, *values: Any
    ) -> Iterator[Updates]:
        """Fill the results; those from before stay where nothing comes of it.

        `values` are those of the tools, the other picture, and those results.
        """
        if opened is None:
            yield gr.skip()
            return
        translate, results = Translator(language), self.results
        *fields, other, before = values
        wish, cancel = EditForm(*fields), self._running.create(request)
        kind, finished = "strip" if wish.tool == "blend" else "tiles", []
        try:
            picture = opened.saying(caption)
            todo = wish.edits(picture.recipe, self._studio, other)
            yield results.begun(translate, len(todo), kind) | self._busy(True)
            for frame in self._studio.edit(picture, todo, cancel, files(other)):
                finished = frame.finished if frame.done else []
                if not frame.done:
                    yield results.under_way(translate, frame, len(todo), kind)
            status = f'<p role="status">{_outcome(translate, wish, self._studio) if finished else translate("stopped")}</p>'
        except EXPECTED_ERRORS as error:
            status = error_html(error_text(translate, error, "edit_failed"))
        finally:
            self._running.remove(request)
        drawn = [EncodedPicture.encode(each) for each in finished]
        if drawn:
            source = shown(opened.tile) if wish.tool in WHOLE else opened.fitted
            view = results.ended(translate, drawn, source, status, _kind(kind, drawn))
        else:
            view = results.gave_up(before, status)
        yield view | {self.made: drawn} | self._busy(False)

    def _busy(self, busy: bool) -> Updates:
        return {self.go: gr.update(visible=not busy), self.stop: gr.update(visible=busy)}

    def _bend(
        self, language: str, opened: Opened | None, caption: str, order: tuple[int, ...], *sliders: float
    ) -> Updates:
        """The one result of the sliders, as fast as they are dragged."""
        if opened is None:
            return gr.skip()
        translate, code, stood = Translator(language), list(opened.code), _stood(opened.code)
        for number, value in zip(order, sliders, strict=True):
            if value != stood[number]:
                code[number] = value
        try:
            edit = PromptEdit(code=tuple(round(value, PLACES) for value in code))
            bent = EncodedPicture.encode(self._studio.edit_now(opened.saying(caption), edit))
        except EXPECTED_ERRORS as error:
            return {self.results.status: error_html(error_text(translate, error, "edit_failed"))}
        return self.results.ended(translate, [bent], opened.fitted, "")


def _stood(code: Code) -> Code:
    """Where sliders stand for a code."""
    return slider_values(code)


def _kind(kind: str, drawn: list[EncodedPicture]) -> str:
    """How results are laid out; what is transparent, on squares."""
    see_through = drawn and drawn[0].decode().image.mode == "RGBA"
    return f"{kind} checker" if see_through else kind


def _outcome(translate: Translator, wish: EditForm, studio: Studio) -> str:
    stands_in = wish.tool == "enlarge" and studio.upscaler == edits.LANCZOS
    return translate("edit_lanczos") if stands_in else translate("edit_done")


def _pair(translate: Translator, fitted: str, again: str, psnr: float) -> str:
    """The picture, and what the model makes of it."""
    figures = (
        (fitted, translate("edit_as_is"), ""),
        (again, translate("edit_as_seen"), translate("edit_psnr", psnr=f"{psnr:.1f}")),
    )
    cells = "".join(
        f'<figure><img src="{source}" alt="{escape(title)}"><figcaption>{title}'
        f"{f' <code>{note}</code>' if note else ''}</figcaption></figure>"
        for source, title, note in figures
    )
    return f'<div class="pair">{cells}</div>'


def _empty(translate: Translator) -> str:
    return (
        f'<div class="empty dropzone"><div class="mount" aria-hidden="true"></div>'
        f"<h3>{translate('edit_empty_title')}</h3><p>{translate('edit_empty')}</p></div>"
    )
