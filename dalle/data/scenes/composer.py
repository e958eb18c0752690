"""Scenes without end, composed at random from icons, with captions: scene i is a pure function of (seed, i).

    (seed, i) --ForegroundSampler--> Foreground --Composer--> Scene --SceneRenderer--> pixels

Caption and picture come from one draw, so that a caption states only what is true of its picture.
"""

from collections.abc import Collection

import numpy as np

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes import captions
from dalle.data.scenes.annotation import SceneAnnotator
from dalle.data.scenes.captions import ConceptNames, pick
from dalle.data.scenes.colours import COLOURS, RGB, nearest_colour, oklab_to_rgb, rgb_to_oklab
from dalle.data.scenes.concept_sampler import ConceptSampler
from dalle.data.scenes.facts import HasBackground, HasStyle, ObjectCount
from dalle.data.scenes.foreground import Foreground, ForegroundSampler
from dalle.data.scenes.icons import IconProperties
from dalle.data.scenes.renderer import SceneRenderer
from dalle.data.scenes.scene import DEFAULT_WEIGHTS, Scene, SceneWeights

NAMED_BACKGROUND_SHARE = 0.9  # captions that name a coloured background
NAMED_WHITE_SHARE = 0.05  # captions that name a white one
BACKGROUND_NOISE = 0.012  # standard deviation of a background's colour around the named one, in Oklab


class Composer:
    """Draws scenes from an emoji set.

    `concepts`: indices of those to draw, all by default. `size`: side of the pictures in pixels. `held_out`:
    use only colours and pairs of concepts that are held out of training; by default use only the others.
    """

    def __init__(
        self,
        emoji: EmojiSet,
        seed: int = 0,
        concepts: Collection[int] | None = None,
        size: int = 128,
        weights: SceneWeights = DEFAULT_WEIGHTS,
        held_out: bool = False,
    ):
        self.emoji, self.seed, self.weights = emoji, seed, weights
        self.renderer = SceneRenderer(emoji, size)
        names = ConceptNames(emoji.concepts, weights.languages)
        drawn = range(len(emoji.concepts)) if concepts is None else concepts
        sampler = ConceptSampler(emoji, names.nouns, drawn, weights)
        self._icons = IconProperties(emoji)
        self._annotator = SceneAnnotator(self._icons, names)
        self._foregrounds = ForegroundSampler(
            self._icons, names, sampler, self._annotator, held_out, weights.plain_share
        )

    def scene(self, index: int, kind: str | None = None) -> Scene:
        """Scene number `index`, of the given kind or of one drawn by the weights.

        Raises ValueError for an unknown kind, or if no given concept fits the scene.
        """
        rng = np.random.Generator(np.random.PCG64([self.seed, index]))
        kind = pick(rng, self.weights.kinds) if kind is None else kind
        kinds = self._foregrounds.kinds
        if kind not in kinds:
            raise ValueError(f"unknown kind of scene {kind!r}; choose one of {', '.join(kinds)}")
        return self._finish(rng, kind, kinds[kind](rng))

    def _finish(self, rng: np.random.Generator, kind: str, foreground: Foreground) -> Scene:
        """The scene of a foreground: with a background and a style that the caption may name."""
        text, facts = foreground.text, {*foreground.facts, ObjectCount(len(foreground.objects))}
        background, rgb = self._draw_background(rng, foreground)
        named_share = NAMED_WHITE_SHARE if background == "white" else NAMED_BACKGROUND_SHARE
        if foreground.english and rng.random() < named_share:
            text = captions.with_background(rng, text, background)
            facts.add(HasBackground(background))
        styles = {self._icons.style(item.icon) for item in foreground.objects}
        style_share = self.weights.named_style_share * (1 if kind == "single" else 0.5)
        if len(styles) == 1 and rng.random() < style_share:
            style = styles.pop()
            text = captions.with_style(rng, text, style, foreground.english)
            facts.add(HasStyle(style))
        return Scene(
            caption=captions.as_typed(rng, text),
            objects=foreground.objects,
            background=rgb,
            kind=kind,
            caption_facts=frozenset(facts),
            facts=self._annotator.facts(foreground.objects, background),
        )

    def _draw_background(self, rng: np.random.Generator, foreground: Foreground) -> tuple[str, RGB]:
        """A colour on which all objects show, by name and value; mostly white if it cannot be named."""
        if foreground.on_white:
            return "white", COLOURS["white"]
        coloured_share = (1 - self.weights.white_share) * (1 if foreground.english else 0.1)
        recoloured = {item.colour for item in foreground.objects}
        if rng.random() >= coloured_share and "white" not in recoloured:
            return "white", COLOURS["white"]
        hidden_on = {self._annotator.colour(item) for item in foreground.objects} | {"white"}
        name = pick(rng, [colour for colour in COLOURS if colour not in hidden_on])
        noisy = rgb_to_oklab(np.array(COLOURS[name], np.uint8)) + rng.normal(0, BACKGROUND_NOISE, 3)
        red, green, blue = oklab_to_rgb(noisy).tolist()
        rgb = (red, green, blue)
        return name, rgb if nearest_colour(rgb) == name else COLOURS[name]
