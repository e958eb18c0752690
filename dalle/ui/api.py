"""HTTP API for generation: the actions of the Create tab, for gradio_client or plain HTTP.

A picture is a PNG file with its recipe in the metadata; a recipe is the JSON object of Recipe.to_dict.
Methods are named after their endpoints; their docstrings are the page's documentation, "Use via API".
"""

import dataclasses
import secrets
from typing import Any

import gradio as gr
from gradio.events import api
from gradio.processing_utils import save_bytes_to_cache

from dalle.pipeline.sliders import slide_code
from dalle.prompts.reading_data import to_dict
from dalle.recipe import SEED_COUNT, Picture, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.shared import links
from dalle.ui.shared.events import show_errors
from dalle.ui.shared.generation_settings import GenerationSettings
from dalle.ui.shared.latent_traversal import NO_SLIDER, traversal_recipes
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

RANDOM_SEED = -1  # in place of a seed: choose one at random


class GenerationApi:
    """Adds the endpoints to the gr.Blocks that is being built."""

    def __init__(self, studio: Studio):
        self._studio = studio
        for endpoint in (
            self.draw,
            self.slide,
            self.walk,
            self.codes,
            self.link,
            self.open_link,
            self.words,
            self.surprise,
            self.about,
        ):
            api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)
        self._files = gr.File(visible=False, label="picture")  # Gradio deletes the files listed in it later
        recipe = gr.JSON(visible=False, label="recipe")
        self._files.upload(self.restore, self._files, recipe, api_name="restore", concurrency_limit=None)

    def draw(
        self,
        prompt: str,
        count: int = 4,
        seed: int = RANDOM_SEED,
        negative: str = "",
        guidance: float = Recipe.guidance,
        steps: int = Recipe.steps,
        style: str = "",
        variety: str = Recipe.variety,
        slides: dict[str, float] | None = None,
    ) -> list[dict]:
        """Generate pictures from a prompt.

        count: number of pictures, 1 to 16. seed: of the first picture, the others count up from it; -1
        chooses one at random. negative: what the pictures should not show. guidance: 0 to 20, how closely to
        follow the prompt. steps: 1 to 100 solver steps; more are slower and finer. style: noto, noto-v1,
        twemoji, fluent-emoji, fluent-emoji-flat, fxemoji or emojione; empty for any. variety: none, some or
        much, how far camera and light differ from picture to picture. slides: slider positions by English
        names as returned by about, each from -10 to 10: {"size": 2}.
        Returns a list of PNG files.
        """
        settings = GenerationSettings(
            prompt, style, count, negative, guidance, steps, seed, seed == RANDOM_SEED, variety
        )
        with show_errors(Translator("en")):
            recipes = settings.with_next_seed().recipes(self._studio)
            if slides:
                recipes = [self._slide(recipe, slides) for recipe in recipes]
            return [self._file(picture) for picture in self._studio.draw(recipes)]

    def slide(self, recipe: dict, code: list[float]) -> dict:
        """Draw a recipe with other slider positions.

        recipe: as returned by restore. code: 20 numbers as returned by codes, each from -10 to 10.
        Returns a PNG file.
        """
        with show_errors(Translator("en")):
            changed = dataclasses.replace(self._adapt(recipe), code=tuple(code))
            return self._file(self._studio.draw_now(changed))

    def walk(self, recipe: dict, across: int, down: int = NO_SLIDER) -> list[dict]:
        """Draw a picture with one slider, or two, moved from -3 to 3 (latent traversal).

        recipe: as returned by restore. across, down: indices in the code, from 0 to 19; down -1 for one
        slider.
        Returns a list of PNG files: 7, or 5 x 5 row by row.
        """
        with show_errors(Translator("en")):
            picture = OpenPicture.from_recipe(self._adapt(recipe), self._studio.code_of_recipe)
            recipes = traversal_recipes(picture, across, down)
            return [self._file(each) for each in self._studio.draw(recipes, priority=True)]

    def codes(self, recipe: dict) -> list[float]:
        """The code of a recipe: its own, or the one drawn from its seed.

        recipe: as returned by restore.
        Returns 20 numbers.
        """
        with show_errors(Translator("en")):
            return list(self._studio.code_of_recipe(self._adapt(recipe)))

    def link(self, recipe: dict) -> str:
        """The query of a link to a recipe's picture: what follows the question mark in the page's address.

        recipe: as returned by restore.
        Returns the query.
        """
        with show_errors(Translator("en")):
            return Recipe.from_dict(recipe).to_query()

    def open_link(self, link: str) -> dict:
        """The recipe in a link.

        link: the query of the link, without the question mark.
        Returns the recipe.
        """
        with show_errors(Translator("en"), "link_bad"):
            return Recipe.from_query(link).to_dict()

    def restore(self, picture: str) -> dict[str, Any]:
        """The recipe in a PNG file's metadata.

        picture: a PNG file that was drawn here.
        Returns the recipe.
        """
        with show_errors(Translator("en"), "file_bad"):
            return load_png(picture).to_dict()

    def words(self, prompt: str) -> dict:
        """How the model reads a prompt.

        prompt: the prompt, at most 1,000 characters.
        Returns the English that the model is told ("text"), what is not wanted ("negative"), the drawing
        style that the prompt names, or null ("style"), the changes ("notes": each with its kind, the span of
        characters, from and to), up to three other texts that it may mean ("alternatives"), and the end of
        the text that is too long to be drawn ("unread").
        """
        with show_errors(Translator("en")):
            reading = self._studio.read(prompt)
            return to_dict(reading) | {"unread": self._studio.truncated_end(reading)}

    def surprise(self, seed: int = RANDOM_SEED) -> str:
        """A random example prompt.

        seed: the same seed gives the same prompt; -1 chooses one at random.
        Returns the prompt.
        """
        return self._studio.random_prompt(secrets.randbelow(SEED_COUNT) if seed == RANDOM_SEED else seed)

    def about(self) -> dict:
        """The checkpoint in use and its sliders.

        Returns its name, digest and picture size, and for each slider, the one with the strongest effect
        first, its index in the code and its names.
        """
        return {
            "checkpoint": self._studio.model_name,
            "digest": self._studio.digest,
            "size": self._studio.recipe().size,
            "sliders": [dataclasses.asdict(slider) for slider in self._studio.sliders],
        }

    def _slide(self, recipe: Recipe, slides: dict[str, float]) -> Recipe:
        code = slide_code(self._studio.code_of_recipe(recipe), self._studio.sliders, slides)
        return dataclasses.replace(recipe, code=code)

    def _adapt(self, values: dict[str, Any]) -> Recipe:
        """The recipe of a JSON object, with the checkpoint and size in use."""
        return links.adapt_recipe(Recipe.from_dict(values), self._studio)[0]

    def _file(self, picture: Picture) -> dict[str, Any]:
        """Save a picture in Gradio's cache; -> what Gradio returns for a file."""
        encoded = EncodedPicture.encode(picture)
        path = save_bytes_to_cache(encoded.png, encoded.file_name, self._files.GRADIO_CACHE)
        self._files.temp_files.add(path)
        return gr.FileData(path=path, orig_name=encoded.file_name).model_dump()
