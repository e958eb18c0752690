"""Recipes that come in by a link or in a PNG file, and pictures that go out as one zip."""

import dataclasses
from collections.abc import Sequence

from dalle import files
from dalle.recipe import Recipe
from dalle.studio import Studio
from dalle.ui.tiles import Tile


def from_query(query: str) -> Recipe | None:
    """The recipe that a link's query carries; None where it carries nothing. Raises ValueError."""
    own = "&".join(part for part in query.split("&") if part and not part.startswith("__"))
    return Recipe.from_query(query) if own else None


def fitted(recipe: Recipe, studio: Studio) -> tuple[Recipe, bool]:
    """The recipe as the checkpoint in use can draw it, and whether another one was meant."""
    ours = studio.recipe()
    other = recipe.checkpoint not in ("", ours.checkpoint) or recipe.size != ours.size
    return dataclasses.replace(recipe, checkpoint=ours.checkpoint, size=ours.size), other


def zipped(tiles: Sequence[Tile]) -> bytes:
    """A zip file of the pictures' PNG files; the same pictures give the same bytes."""
    return files.zipped({f"{number:02}-{tile.name}": tile.png for number, tile in enumerate(tiles, 1)})
