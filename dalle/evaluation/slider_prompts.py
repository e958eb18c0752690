"""The prompts on which sliders are measured."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import plain_caption
from dalle.data.scenes.colours import COLOURS
from dalle.evaluation import eval_prompts, verifier
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt, evenly_spaced

STYLED_SHARE, SCENE_SHARE = 0.5, 0.25  # of the prompts; the others name one thing and no style
SCENE_CATEGORIES = ("two", "counting", "colour", "position", "attribution")
_COLOUR = "|".join(COLOURS)
_GROUND = re.compile(rf"(,|\bon an?) ({_COLOUR}) background\b|\bon ({_COLOUR})(?=$|[.,])")


@dataclass(frozen=True)
class SliderPrompt(EvalPrompt):
    """A prompt; `tinted`: whether the background number acts, as in training (`plan.ScenePlan`)."""

    tinted: bool = True


def states_ground(text: str) -> bool:
    """Whether an English prompt states the colour of the ground."""
    return _GROUND.search(text.lower()) is not None


def slider_prompts(emoji: EmojiSet, count: int, size: int) -> list[SliderPrompt]:
    """About `count` prompts by category: "styled", "scene" (`size` pixels a side), and "plain"."""
    styled = eval_prompts.style_prompts(emoji, round(STYLED_SHARE * count), 1)
    scenes = scene_prompts(emoji, round(SCENE_SHARE * count), size)
    concepts = [
        emoji.concepts[index]
        for index in evenly_spaced(eval_prompts.common_concepts(emoji), count - len(styled) - len(scenes))
    ]
    plain = [EvalPrompt(plain_caption(each), frozenset({each.canonical})) for each in concepts]
    by_category: dict[str, Sequence[EvalPrompt]] = {"styled": styled, "scene": scenes, "plain": plain}
    found = [(each, category) for category, prompts in by_category.items() for each in prompts]
    return [
        SliderPrompt(each.text, each.targets, category, EVAL_SEED + i, not states_ground(each.text))
        for i, (each, category) in enumerate(found)
    ]


def scene_prompts(emoji: EmojiSet, count: int, size: int) -> list[EvalPrompt]:
    """Captions of about `count` scenes; each of their concepts is a target."""
    class_of = {concept.slug: concept.canonical for concept in emoji.concepts}
    scenes = [
        scene
        for category in SCENE_CATEGORIES
        for scene in eval_prompts.composition_scenes(
            emoji, category, -(-count // len(SCENE_CATEGORIES)), size
        )
    ]
    return [
        EvalPrompt(each.caption, frozenset(class_of[c] for c in verifier.named_concepts(each.caption_facts)))
        for each in scenes
    ]
