"""The settings of one generation, as the form and the API take them, and the recipes that they give."""

import dataclasses
import re
import secrets
from dataclasses import dataclass

from dalle.data.emoji.emoji_set import SHAREALIKE, STYLES
from dalle.recipe import SEED_COUNT, Recipe
from dalle.serving.studio import Studio

MAX_COUNT = 16  # pictures at a time
OFFERED_STYLES = [style for style in STYLES if style not in SHAREALIKE]
_STYLED_PROMPT = re.compile(rf"(.*), ({'|'.join(map(re.escape, STYLES.values()))}) style", re.DOTALL)


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of one generation. The browser stores them by field name."""

    prompt: str = ""
    style: str = ""  # a key of STYLES; empty: any
    count: int = 8  # pictures
    negative: str = ""
    guidance: float = Recipe.guidance
    steps: int = Recipe.steps
    seed: int | None = 0  # of the first picture; None: the field was emptied
    fresh: bool = True  # draw a new seed each time
    variety: str = Recipe.variety

    def recipes(self, studio: Studio) -> list[Recipe]:
        """One recipe for each picture, with seeds counted up from `seed`. Raises ValueError."""
        if not 1 <= self.count <= MAX_COUNT:
            raise ValueError(f"count must be from 1 to {MAX_COUNT}; got {self.count!r}")
        if self.style not in ("", *STYLES):
            raise ValueError(f"style must be one of {', '.join(STYLES)}, or empty; got {self.style!r}")
        if self.seed is None:
            raise ValueError("seed is empty; with_next_seed sets one")
        seeds = [(int(self.seed) + index) % SEED_COUNT for index in range(int(self.count))]
        return [
            studio.recipe(
                prompt=self.styled_prompt,
                seed=seed,
                negative=self.negative,
                guidance=float(self.guidance),
                steps=int(self.steps),
                variety=self.variety,
            )
            for seed in seeds
        ]

    @property
    def styled_prompt(self) -> str:
        """The prompt followed by its style, worded as in the training captions."""
        return f"{self.prompt}, {STYLES[self.style]} style" if self.style else self.prompt

    def with_next_seed(self) -> "GenerationSettings":
        """The settings with the seed of the next generation: a new one if `fresh` or if there is none."""
        if self.fresh or self.seed is None:
            return dataclasses.replace(self, seed=secrets.randbelow(SEED_COUNT))
        return self

    def with_recipe(self, recipe: Recipe) -> "GenerationSettings":
        """Settings that draw `recipe` again, except its code; the count stays."""
        match = _STYLED_PROMPT.fullmatch(recipe.prompt)
        keys = {words: style for style, words in STYLES.items()}
        style = keys[match[2]] if match and keys[match[2]] in OFFERED_STYLES else ""
        return GenerationSettings(
            prompt=match[1] if match and style else recipe.prompt,
            style=style,
            count=self.count,
            negative=recipe.negative,
            guidance=recipe.guidance,
            steps=recipe.steps,
            seed=recipe.seed,
            fresh=False,
            variety=recipe.variety,
        )
