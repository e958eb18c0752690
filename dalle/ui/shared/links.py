"""Recipes that come in by a link or in a PNG file, and pictures that go out as one zip."""

import dataclasses
import re
from collections.abc import Sequence
from html import escape

import gradio as gr

from dalle import files
from dalle.recipe import Recipe
from dalle.serving.studio import Studio
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

# What Gradio's own footer and other sites add to an address: __theme, ?view=api, ?utm_source=...
FOREIGN = re.compile(r"__|utm_|(view|fbclid|gclid)(=|$)")


def from_query(query: str) -> Recipe | None:
    """The recipe that a link's query carries; None where it carries nothing. Raises ValueError."""
    own = "&".join(part for part in query.split("&") if part and not FOREIGN.match(part))
    return Recipe.from_query(own) if own else None


def fitted(recipe: Recipe, studio: Studio) -> tuple[Recipe, bool]:
    """The recipe as the checkpoint in use can draw it, and whether another one was meant."""
    ours = studio.recipe()
    other = recipe.checkpoint not in ("", ours.checkpoint) or recipe.size != ours.size
    return dataclasses.replace(recipe, checkpoint=ours.checkpoint, size=ours.size), other


def warn(say: Translator, theirs: Recipe, ours: Recipe) -> None:
    """Tell that a recipe was made for another checkpoint than the one that draws it now."""
    name = escape(theirs.checkpoint or "?")
    gr.Warning(say("other_checkpoint", theirs=name, ours=ours.checkpoint), duration=None)


def zipped(tiles: Sequence[EncodedPicture]) -> bytes:
    """A zip file of the pictures' PNG files; the same pictures give the same bytes."""
    return files.zipped({f"{number:02}-{tile.name}": tile.png for number, tile in enumerate(tiles, 1)})
