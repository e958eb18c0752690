"""The prompts on which sliders are measured, with what they leave to light."""

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
CALM = 0.4  # gain of colourfulness and of lightness where a colour is stated, as in training

_COLOUR = "|".join(COLOURS)
_GROUND = re.compile(rf"(,|\bon an?) ({_COLOUR}) background\b|\bon ({_COLOUR})(?=$|[.,])")
_NAMED_COLOUR = re.compile(rf"\b({_COLOUR})\b")


@dataclass(frozen=True)
class SliderPrompt(EvalPrompt):
    """A prompt; `gains`: how far it lets the numbers of light act, all but outline (`plan.ScenePlan`)."""

    gains: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)


def gains_of(text: str) -> tuple[float, float, float, float, float]:
    """How far an English prompt lets the numbers of light act: less where it states a colour or a ground."""
    foreground, grounds = _GROUND.subn("", text.lower())
    hue, rest = (0.0, CALM) if _NAMED_COLOUR.search(foreground) else (1.0, 1.0)
    return hue, rest, rest, 1.0, 0.0 if grounds else 1.0


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
        SliderPrompt(each.text, each.targets, category, EVAL_SEED + i, gains_of(each.text))
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
