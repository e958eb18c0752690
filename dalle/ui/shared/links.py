"""Recipes from links, adapted to the checkpoint in use; pictures as one zip file."""

import dataclasses
import re
from collections.abc import Sequence
from html import escape

import gradio as gr

from dalle.files import zip_bytes
from dalle.recipe import Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

# Query parameters that Gradio's footer and other sites add: __theme, view=api, utm_source, ...
_FOREIGN_PARAMETER = re.compile(r"__|utm_|(view|fbclid|gclid)(=|$)")


def recipe_from_query(query: str) -> Recipe | None:
    """The recipe in a link's query; None if there is none. Raises ValueError."""
    recipe_query = "&".join(part for part in query.split("&") if part and not _FOREIGN_PARAMETER.match(part))
    return Recipe.from_query(recipe_query) if recipe_query else None


def adapt_recipe(recipe: Recipe, studio: Studio) -> tuple[Recipe, bool]:
    """The recipe with the checkpoint and size in use, and whether it was made for others."""
    current = studio.recipe()
    is_foreign = recipe.checkpoint not in ("", current.checkpoint) or recipe.size != current.size
    return dataclasses.replace(recipe, checkpoint=current.checkpoint, size=current.size), is_foreign


def warn_other_checkpoint(translate: Translator, original: Recipe, adapted: Recipe) -> None:
    """Show a warning that `original` was made for another checkpoint, so that it now looks different."""
    name = escape(original.checkpoint or "?")
    gr.Warning(translate("other_checkpoint", theirs=name, ours=adapted.checkpoint), duration=None)


def zip_pictures(pictures: Sequence[EncodedPicture]) -> bytes:
    """A zip of the PNG files, numbered from 01; deterministic."""
    return zip_bytes(
        {f"{number:02}-{encoded.file_name}": encoded.png for number, encoded in enumerate(pictures, 1)}
    )
