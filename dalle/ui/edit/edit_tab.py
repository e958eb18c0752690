"""The Edit tab: a picture comes in, a tool is chosen, and results stand beside what they came from."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from dalle import edits
from dalle.editing.editor import NeedsFile
from dalle.edits import FromFile, PromptEdit
from dalle.recipe import MAX_PROMPT, Picture, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.create_tab import CreateTab
from dalle.ui.edit.results import Results, shown
from dalle.ui.edit.tools import NAMES, EditForm, Tools, files
from dalle.ui.shared import links
from dalle.ui.shared.events import (
    AT_ONCE,
    EXPECTED_ERRORS,
    QUIET,
    Running,
    View,
    error_html,
    error_text,
    show_errors,
)
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import Code, OpenPicture
from dalle.ui.shared.progress import bar, progress
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
        picture = self.tile.picture
        if not self.described:
            return picture
        return Picture(picture.image, dataclasses.replace(picture.recipe, prompt=caption))


class EditTab:
    """`opened` is the State with the picture; None: there is none."""

    def __init__(self, studio: Studio, spoken: Localizer, language: gr.Radio, tabs: gr.Tabs):
        self._studio, self._language, self._tabs, self._running = studio, language, tabs, Running()
        self.opened, self.awaited = gr.State(None), gr.State(None)
        self.made = gr.State([])  # by the last edit, for the history; nothing where it failed
        with gr.Row(elem_id="edit-room"):
            with gr.Column(scale=6, min_width=300, elem_classes="sheet"):
                self._easel(spoken)
                mask = gr.Textbox(label="", visible="hidden")
                with gr.Column(visible=False, elem_id="workshop") as self.body:
                    self.tools = Tools(spoken, mask)
                    self._start(spoken)
            with gr.Column(scale=5, min_width=300, elem_classes="sheet"):
                self.results = Results(spoken)
        self._wire()

    def arrive(self, greeted: Any, create: CreateTab) -> None:
        """What comes from elsewhere: Create's open picture, a link once the language is known, a PNG file.

        And the history, which keeps what is made here as well.
        """
        language, bench, drop = self._language, create.bench, create.history.drop
        history = self._history = create.history
        self._edited.then(history.add, [history.entries, self.made], history.outputs, **AT_ONCE)
        history.strip.select(self.from_history, [language, history.entries], self.outputs, **QUIET)
        bench.files["edit"].click(self.receive, [language, bench.shape], self.outputs, **QUIET)
        greeted.then(self.from_link, language, self.outputs, **QUIET)
        drop.upload(self.from_png, [language, drop], self.outputs, **QUIET)

    def _easel(self, spoken: Localizer) -> None:
        """Where the picture stands, beside how the model sees it."""
        with spoken.heading("edit_picture"):
            self.open = spoken.upload("edit_open", "edit-open", scale=0)
        self.trouble = gr.HTML(apply_default_css=False, elem_id="edit-trouble")
        self.empty = spoken(gr.HTML, lambda say: {"value": _empty(say)}, apply_default_css=False)
        self.pair = gr.HTML(visible=False, apply_default_css=False, elem_id="pair")
        self.caption = spoken(
            gr.Textbox,
            lambda say: {"label": say("edit_caption"), "placeholder": say("edit_caption_hint")},
            max_lines=1,
            max_length=MAX_PROMPT,
            visible=False,
            elem_id="edit-caption",
        )

    def _start(self, spoken: Localizer) -> None:
        with gr.Row(elem_id="edit-go"):
            self.go = spoken(
                gr.Button, lambda say: {"value": say("edit_go")}, variant="primary", elem_id="edit-start"
            )
            self.stop = spoken(
                gr.Button, lambda say: {"value": say("stop")}, visible=False, elem_id="edit-stop"
            )

    @property
    def outputs(self) -> set[Any]:
        """What changes when a picture is opened."""
        own = {self.opened, self.awaited, self.trouble, self.empty, self.pair, self.caption, self.body}
        return (
            own
            | {self._tabs, self.tools.wanted, self.tools.board}
            | self.tools.bending.outputs
            | self.results.outputs
        )

    def _wire(self) -> None:
        tools, results, language = self.tools, self.results, self._language
        results.wire(language)
        came = [language, self.open, self.awaited]
        self.open.upload(self._from_file, came, self.outputs, trigger_mode="always_last", **QUIET)
        looks = {tools.other, tools.shown_other}
        tools.open_other.upload(self._other, [language, tools.open_other], looks, **QUIET)
        asked = [language, self.opened, self.caption, *tools.inputs, tools.other, results.tiles]
        busy = {self.go, self.stop, self.made} | results.outputs
        self._edited = self.go.click(self._edit, asked, busy, js=WITH_MASK, **QUIET)
        self.stop.click(self._running.stop, **AT_ONCE)
        tools.tool.change(lambda tool: gr.update(visible=tool != LIVE), tools.tool, self.go, **AT_ONCE)
        bending = tools.bending
        bending.wire(language, lambda: self._studio.sliders)
        gr.on(
            [slider.input for slider in bending.sliders],
            self._bend,
            [language, self.opened, self.caption, bending.order, *bending.sliders],
            results.outputs,
            trigger_mode="always_last",  # the newest value wins, and nothing queues up
            **AT_ONCE,
        )
        kept = [language, results.tiles, results.chosen]
        results.actions["go_on"].click(self._go_on, kept, self.outputs, **QUIET)

    # --- pictures that come in

    def receive(self, language: str, shape: OpenPicture) -> Iterator[View]:
        """The picture that is open in Create."""
        yield from self._taken(language, lambda: self._studio.draw_now(shape.recipe))

    def _taken(self, language: str, get: Callable[[], Picture]) -> Iterator[View]:
        """Open a picture; where that cannot be done, say so and leave open what was."""
        yield self._opening(language)
        try:
            yield self._show(language, get())
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(Translator(language), error)))

    def from_link(self, request: gr.Request, language: str) -> Iterator[View]:
        """What a link with edits leads to; other links are Create's."""
        yield from self._carried(language, lambda: links.from_query(str(request.query_params)))

    def from_history(self, event: gr.EventData, language: str, entries: Any) -> Iterator[View]:
        """A picture that was edited before; others are Create's."""
        yield from self._carried(language, lambda: self._history.recipe(entries, event.index))

    def from_png(self, language: str, path: str) -> Iterator[View]:
        """The same for a PNG file that was dropped."""
        yield from self._carried(language, lambda: load_png(path))

    def _carried(self, language: str, read: Callable[[], Recipe | None]) -> Iterator[View]:
        try:
            recipe = read()
        except ValueError:  # Create tells of it
            recipe = None
        yield from self._replayed(language, recipe)

    def _replayed(
        self, language: str, recipe: Recipe | None, given: dict[str, Any] | None = None
    ) -> Iterator[View]:
        if recipe is None or not recipe.edits:
            yield gr.skip()
            return
        say = Translator(language)
        yield self._opening(language)
        fitted, other = links.fitted(recipe, self._studio)
        if other:
            links.warn(say, recipe, fitted)
        try:
            for frame in self._studio.replay(fitted, files=given or {}):
                if not frame.done:
                    yield {self.trouble: progress(say, frame)}
            yield self._show(language, frame.pictures[0])
        except NeedsFile as error:
            yield self._closed(error_html(say("needs_file", file=error.file))) | {self.awaited: recipe}
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(say, error, "link_bad")))

    def _from_file(self, language: str, path: str, awaited: Recipe | None) -> Iterator[View]:
        """A picture of the visitor's; the one that an opened link waits for goes through its edits."""
        yield self._opening(language)
        say = Translator(language)
        try:
            picture = self._studio.open(Path(path).read_bytes())
            digests = edits.files(picture.recipe)
            if awaited is not None and digests and digests[0] in edits.files(awaited):
                yield from self._replayed(language, awaited, {digests[0]: picture.image})
                return
            yield self._show(language, picture)
            if awaited is not None:
                gr.Warning(say("edit_other_file", file=edits.files(awaited)[0]), duration=None)
        except EXPECTED_ERRORS as error:
            yield self._closed(error_html(error_text(say, error, "edit_bad_file")))

    def _other(self, language: str, path: str) -> View:
        with show_errors(Translator(language), "edit_bad_file"):
            tile = EncodedPicture.of(self._studio.open(Path(path).read_bytes()))
        return {self.tools.other: tile, self.tools.shown_other: f'<img src="{shown(tile)}" alt="">'}

    def _go_on(self, language: str, drawn: tuple[EncodedPicture, ...], chosen: int) -> Iterator[View]:
        tile = drawn[chosen]
        _, other = links.fitted(tile.recipe, self._studio)
        # To a checkpoint that did not draw it, it is a file like any other.
        yield from self._taken(language, lambda: self._studio.open(tile.png) if other else tile.picture)

    def _opening(self, language: str) -> View:
        return {self._tabs: gr.Tabs(selected="edit"), self.trouble: bar(Translator(language)("edit_opening"))}

    def _closed(self, trouble: str) -> View:
        """Nothing new came in; what was there stays."""
        return {self.trouble: trouble}

    def _show(self, language: str, picture: Picture) -> View:
        say, view = Translator(language), self._seen(Translator(language), picture)
        opened, caption = view[self.opened], edits.caption(picture.recipe)
        return view | {
            self.awaited: None,
            self.trouble: "",
            self.empty: gr.update(visible=False),
            self.caption: gr.update(value=caption, visible=True, interactive=opened.described),
            self.body: gr.update(visible=True),
            **self.tools.show(say, opened.tile, opened.fitted),
            **self.results.cleared(),
        }

    def _seen(self, say: Translator, picture: Picture) -> View:
        """A picture as the checkpoint in use sees it, and where that checkpoint's sliders stand for it."""
        seen = self._studio.see(picture)
        fitted, again = (
            EncodedPicture.of(each) for each in (Picture(seen.fitted, picture.recipe), seen.again)
        )
        return {
            self.opened: Opened(EncodedPicture.of(picture), fitted.uri, seen.code),
            self.pair: gr.update(value=_pair(say, fitted.uri, again.uri, seen.psnr), visible=True),
            **self.tools.bending.show(say, self._studio.sliders, _stood(seen.code)),
        }

    @property
    def seen(self) -> set[Any]:
        """What changes when another checkpoint looks at the open picture."""
        return {self.opened, self.pair, self.caption} | self.tools.bending.outputs

    def refit(self, language: str, opened: Opened | None) -> View:
        """Look at the open picture again, by the checkpoint that is in use now; changes `seen`.

        To a checkpoint that did not draw it, it is a file like any other.
        """
        if opened is None:
            return gr.skip()
        with show_errors(Translator(language)):
            view = self._seen(Translator(language), self._studio.open(opened.tile.png))
        return view | {self.caption: gr.update(interactive=view[self.opened].described)}

    # --- edits

    def _edit(
        self, request: gr.Request, language: str, opened: Opened | None, caption: str, *values: Any
    ) -> Iterator[View]:
        """Fill the results; those from before stay where nothing comes of it.

        `values` are those of the tools, the other picture, and those results.
        """
        if opened is None:
            yield gr.skip()
            return
        say, results = Translator(language), self.results
        *fields, other, before = values
        wish, cancel = EditForm(*fields), self._running.begin(request)
        kind, finished = "strip" if wish.tool == "blend" else "tiles", []
        try:
            picture = opened.saying(caption)
            todo = wish.edits(picture.recipe, self._studio, other)
            yield results.begun(say, len(todo), kind) | self._busy(True)
            for frame in self._studio.edit(picture, todo, cancel, files(other)):
                finished = frame.finished if frame.done else []
                if not frame.done:
                    yield results.under_way(say, frame, len(todo), kind)
            status = (
                f'<p role="status">{_outcome(say, wish, self._studio) if finished else say("stopped")}</p>'
            )
        except EXPECTED_ERRORS as error:
            status = error_html(error_text(say, error, "edit_failed"))
        finally:
            self._running.end(request)
        drawn = [EncodedPicture.of(each) for each in finished]
        if drawn:
            source = shown(opened.tile) if wish.tool in WHOLE else opened.fitted
            view = results.ended(say, drawn, source, status, _kind(kind, drawn))
        else:
            view = results.gave_up(before, status)
        yield view | {self.made: drawn} | self._busy(False)

    def _busy(self, busy: bool) -> View:
        return {self.go: gr.update(visible=not busy), self.stop: gr.update(visible=busy)}

    def _bend(
        self, language: str, opened: Opened | None, caption: str, order: tuple[int, ...], *sliders: float
    ) -> View:
        """The one result of the sliders, as fast as they are dragged."""
        if opened is None:
            return gr.skip()
        say, code, stood = Translator(language), list(opened.code), _stood(opened.code)
        for number, value in zip(order, sliders, strict=True):
            if value != stood[number]:
                code[number] = value
        try:
            edit = PromptEdit(code=tuple(round(value, PLACES) for value in code))
            bent = EncodedPicture.of(self._studio.bend(opened.saying(caption), edit))
        except EXPECTED_ERRORS as error:
            return {self.results.status: error_html(error_text(say, error, "edit_failed"))}
        return self.results.ended(say, [bent], opened.fitted, "")


def _stood(code: Code) -> Code:
    """Where sliders stand for a code."""
    return OpenPicture(Recipe(), code, Recipe()).sliders()


def _kind(kind: str, drawn: list[EncodedPicture]) -> str:
    """How results are laid out; what is transparent, on squares."""
    see_through = drawn and drawn[0].picture.image.mode == "RGBA"
    return f"{kind} checker" if see_through else kind


def _outcome(say: Translator, wish: EditForm, studio: Studio) -> str:
    stands_in = wish.tool == "enlarge" and studio.upscaler == edits.LANCZOS
    return say("edit_lanczos") if stands_in else say("edit_done")


def _pair(say: Translator, fitted: str, again: str, psnr: float) -> str:
    """The picture, and what the model makes of it."""
    figures = (
        (fitted, say("edit_as_is"), ""),
        (again, say("edit_as_seen"), say("edit_psnr", psnr=f"{psnr:.1f}")),
    )
    cells = "".join(
        f'<figure><img src="{source}" alt="{escape(title)}"><figcaption>{title}'
        f"{f' <code>{note}</code>' if note else ''}</figcaption></figure>"
        for source, title, note in figures
    )
    return f'<div class="pair">{cells}</div>'


def _empty(say: Translator) -> str:
    return (
        f'<div class="empty dropzone"><div class="mount" aria-hidden="true"></div>'
        f"<h3>{say('edit_empty_title')}</h3><p>{say('edit_empty')}</p></div>"
    )
