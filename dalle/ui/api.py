"""What programs may call, by gradio_client or plain HTTP: the page's actions, without the page.

A picture is a PNG file that carries its recipe; a recipe is the JSON object that Recipe.to_dict gives.
Each docstring is the endpoint's documentation on the page, under "Use via API".
"""

import dataclasses
import secrets
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from dalle.recipe import SEEDS, Picture, Recipe, load_png
from dalle.serving.studio import Studio
from dalle.ui.create.form import GenerationForm
from dalle.ui.create.traversal import NOTHING, traversal_recipes
from dalle.ui.shared import links
from dalle.ui.shared.events import show_errors
from dalle.ui.shared.open_picture import OpenPicture
from dalle.ui.shared.texts import Translator
from dalle.ui.shared.tiles import EncodedPicture

RANDOM = -1  # instead of a seed


class Api:
    """Registers the endpoints on the page that is being built."""

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
            gr.api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)
        self._files = gr.File(visible=False, label="picture")  # also what written files are tidied away with
        recipe = gr.JSON(visible=False, label="recipe")
        self._files.upload(self.restore, self._files, recipe, api_name="restore", concurrency_limit=None)

    def draw(
        self,
        prompt: str,
        count: int = 4,
        seed: int = RANDOM,
        negative: str = "",
        guidance: float = Recipe.guidance,
        steps: int = Recipe.steps,
        style: str = "",
    ) -> list[dict]:
        """Draw pictures of a prompt.

        count: 1 to 16 pictures. seed: of the first one, the others follow; -1 chooses one at random.
        negative: what should not be there. guidance: 0 to 20, how closely to follow the words.
        steps: 1 to 100, more are slower and finer. style: noto, noto-v1, twemoji, fluent-emoji,
        fluent-emoji-flat, fxemoji or emojione; empty for any.
        Gives a list of PNG files.
        """
        settings = GenerationForm(prompt, style, count, negative, guidance, steps, seed, fresh=seed == RANDOM)
        with show_errors(Translator("en")):
            recipes = settings.seeded().recipes(self._studio)
            return [self._file(picture) for picture in self._studio.draw(recipes)]

    def slide(self, recipe: dict, code: list[float]) -> dict:
        """Draw a recipe with other sliders.

        recipe: as restore gives it. code: the 20 numbers, as codes gives them, each from -10 to 10.
        Gives a PNG file.
        """
        with show_errors(Translator("en")):
            moved = dataclasses.replace(self._fitted(recipe), code=tuple(code))
            return self._file(self._studio.draw_now(moved))

    def walk(self, recipe: dict, across: int, down: int = NOTHING) -> list[dict]:
        """Draw what one slider does from -3 to 3, or what two do together.

        recipe: as restore gives it. across, down: which numbers of the code, from 0 to 19; down -1 for none.
        Gives a list of PNG files, row by row: 7, or 5 times 5.
        """
        with show_errors(Translator("en")):
            shape = OpenPicture.opened(self._fitted(recipe), self._studio.codes)
            recipes = traversal_recipes(shape, across, down)
            return [self._file(picture) for picture in self._studio.draw(recipes, urgent=True)]

    def codes(self, recipe: dict) -> list[float]:
        """Where the 20 sliders stand for a recipe, also where its code comes from its seed.

        recipe: as restore gives it.
        Gives 20 numbers.
        """
        with show_errors(Translator("en")):
            return list(self._studio.codes(self._fitted(recipe)))

    def link(self, recipe: dict) -> str:
        """The link to a recipe's picture: what stands after the question mark of the page's address.

        recipe: as restore gives it.
        Gives the text.
        """
        with show_errors(Translator("en")):
            return Recipe.from_dict(recipe).to_query()

    def open_link(self, link: str) -> dict:
        """The recipe that a link carries.

        link: what stands after the question mark of its address.
        Gives the recipe.
        """
        with show_errors(Translator("en"), "link_bad"):
            return Recipe.from_query(link).to_dict()

    def restore(self, picture: str) -> dict[str, Any]:
        """The recipe that a PNG file carries.

        picture: a PNG file that was drawn here.
        Gives the recipe.
        """
        with show_errors(Translator("en"), "file_bad"):
            return load_png(picture).to_dict()

    def words(self, prompt: str) -> dict:
        """What the model understands of a prompt.

        prompt: the prompt.
        Gives what it reads it as, the unknown words of that, each with the nearest that it knows, and the end
        that it does not read.
        """
        read, unread = self._studio.read(prompt), self._studio.too_long(prompt)
        return {"read": read, "unknown": dict(self._studio.unknown_words(read)), "unread": unread}

    def surprise(self, seed: int = RANDOM) -> str:
        """A prompt worth trying.

        seed: the same seed gives the same prompt; -1 chooses one at random.
        Gives the prompt.
        """
        return self._studio.surprise(secrets.randbelow(SEEDS) if seed == RANDOM else seed)

    def about(self) -> dict:
        """Which checkpoint draws here, and what its sliders do.

        Gives its name, its digest, the pictures' size, and for each slider, the most telling first, which
        number of the code it moves and how it is called.
        """
        sliders = [dataclasses.asdict(slider) for slider in self._studio.sliders]
        size = self._studio.recipe().size
        name, digest = self._studio.model_name, self._studio.digest
        return {"checkpoint": name, "digest": digest, "size": size, "sliders": sliders}

    def _fitted(self, values: dict[str, Any]) -> Recipe:
        return links.fitted(Recipe.from_dict(values), self._studio)[0]

    def _file(self, picture: Picture) -> dict[str, Any]:
        tile = EncodedPicture.of(picture)
        path = save_bytes_to_cache(tile.png, tile.name, self._files.GRADIO_CACHE)
        self._files.temp_files.add(path)
        return gr.FileData(path=path, orig_name=tile.name).model_dump()
