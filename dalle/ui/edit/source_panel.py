"""The picture that is being edited: its State, its caption, and its reconstruction by the model."""

import dataclasses
from dataclasses import dataclass
from html import escape

import gradio as gr

from dalle import edits
from dalle.edits import FromFile
from dalle.recipe import MAX_PROMPT_LENGTH, Picture
from dalle.serving.studio import Studio
from dalle.ui.shared.events import Outputs, Updates
from dalle.ui.shared.localization import Localizer
from dalle.ui.shared.open_picture import Code
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture


@dataclass(frozen=True)
class SourcePicture:
    """A picture that is being edited, with what the checkpoint in use makes of it."""

    encoded: EncodedPicture
    model_input_url: str  # data URL of the picture as the model reads it: square, at the model's size
    code: Code  # inferred from the picture

    @property
    def has_editable_caption(self) -> bool:
        """Whether the visitor describes the picture: it is a file without edits."""
        return [edit["kind"] for edit in self.encoded.recipe.edits] == [FromFile.kind]

    def with_caption(self, caption: str) -> Picture:
        """The picture to edit, with the visitor's caption if that is editable."""
        picture = self.encoded.decode()
        if not self.has_editable_caption:
            return picture
        return Picture(picture.image, dataclasses.replace(picture.recipe, prompt=caption))


class SourcePanel:
    """`picture_state` is the State with the SourcePicture; None: no picture is open.

    `awaited_recipe` is the State with the recipe of a link whose file the visitor has yet to open; or None.
    """

    def __init__(self, studio: Studio, localized: Localizer):
        self._studio = studio
        self.picture_state, self.awaited_recipe = gr.State(None), gr.State(None)
        with localized.heading("edit_picture"):
            self.upload = localized.upload_button("edit_open", "edit-open", scale=0)
        self.status = gr.HTML(apply_default_css=False, elem_id="edit-trouble")  # progress, or an error
        self.empty_state = localized(gr.HTML, {"value": _empty_state_html}, apply_default_css=False)
        self.reconstruction = gr.HTML(visible=False, apply_default_css=False, elem_id="pair")
        self.caption = localized(
            gr.Textbox,
            {"label": "edit_caption", "placeholder": "edit_caption_hint"},
            max_lines=1,
            max_length=MAX_PROMPT_LENGTH,
            visible=False,
            elem_id="edit-caption",
        )

    @property
    def outputs(self) -> Outputs:
        return [*self.reconstruct_outputs, self.awaited_recipe, self.status, self.empty_state]

    @property
    def reconstruct_outputs(self) -> Outputs:
        return [self.picture_state, self.reconstruction, self.caption]

    def open(self, translate: Translator, picture: Picture) -> tuple[SourcePicture, Updates]:
        """Open a picture; changes `outputs`. Raises what `reconstruct` raises."""
        source, updates = self.reconstruct(translate, picture)
        return source, updates | {
            self.awaited_recipe: None,
            self.status: "",
            self.empty_state: gr.update(visible=False),
            self.caption: gr.update(
                value=edits.current_prompt(picture.recipe),
                visible=True,
                interactive=source.has_editable_caption,
            ),
        }

    def reconstruct(self, translate: Translator, picture: Picture) -> tuple[SourcePicture, Updates]:
        """Encode and decode a picture with the checkpoint in use; changes `reconstruct_outputs`.

        Raises EXPECTED_ERRORS.
        """
        result = self._studio.reconstruct(picture)
        model_input = EncodedPicture.encode(Picture(result.model_input, picture.recipe)).data_url
        decoded = EncodedPicture.encode(result.picture).data_url
        source = SourcePicture(EncodedPicture.encode(picture), model_input, result.code)
        html = _reconstruction_html(translate, model_input, decoded, result.psnr)
        return source, {
            self.picture_state: source,
            self.reconstruction: gr.update(value=html, visible=True),
            self.caption: gr.update(interactive=source.has_editable_caption),
        }


def _reconstruction_html(translate: Translator, model_input: str, decoded: str, psnr: float) -> str:
    """The model's input beside its reconstruction, both as URLs, with their PSNR in dB."""
    figures = (
        (model_input, translate("edit_as_is"), ""),
        (decoded, translate("edit_as_seen"), translate("edit_psnr", psnr=f"{psnr:.1f}")),
    )
    cells = "".join(
        f'<figure><img src="{url}" alt="{escape(title)}"><figcaption>{title}'
        f"{f' <code>{note}</code>' if note else ''}</figcaption></figure>"
        for url, title, note in figures
    )
    return f'<div class="pair">{cells}</div>'


def _empty_state_html(translate: Translator) -> str:
    return (
        f'<div class="empty dropzone"><div class="mount" aria-hidden="true"></div>'
        f"<h3>{translate('edit_empty_title')}</h3><p>{translate('edit_empty')}</p></div>"
    )
