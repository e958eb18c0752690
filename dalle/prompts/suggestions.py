"""Random example prompts, for an empty page and its *Surprise me* button."""

import random
from collections.abc import Sequence

from dalle.data.scenes.english import NUMBER_WORDS, article

OBJECTS = (
    "cat, dog, fox, owl, penguin, whale, octopus, butterfly, dragon, unicorn, rabbit, turtle, snail, "
    "elephant, house, castle, rocket, sailboat, bicycle, tractor, locomotive, parachute, robot, guitar, "
    "crown, umbrella, teapot, cactus, mushroom, tulip, pineapple, strawberry, doughnut, cupcake, pizza, pear"
).split(", ")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "grey")
NUMBERS = [word for number, word in NUMBER_WORDS.items() if number > 1]
PLURALS = "cats, owls, penguins, rockets, tulips, strawberries, robots, turtles, crowns, pears".split(", ")
RELATIONS = ("to the left of", "to the right of", "above", "below", "next to", "on top of")
STYLES = ("noto", "twemoji", "fluent flat", "fluent 3d")


def random_prompt(seed: int, examples: Sequence[str] = ()) -> str:
    """The same prompt for the same seed: one of `examples` (a checkpoint's own), or without any a new one."""
    rng = random.Random(seed)
    if examples:
        return rng.choice(examples)
    first, second = rng.sample(OBJECTS, 2)
    colour, other_colour = rng.sample(COLOURS, 2)
    return rng.choice(
        (
            _with_article(f"{colour} {first}"),
            f"{_with_article(first)}, {rng.choice(STYLES)} style",
            f"{_with_article(first)} on {_with_article(colour)} background",
            f"{rng.choice(NUMBERS)} {colour} {rng.choice(PLURALS)}",
            f"{_with_article(first)} {rng.choice(RELATIONS)} {_with_article(second)}",
            f"{_with_article(f'{colour} {first}')} {rng.choice(RELATIONS)} "
            f"{_with_article(f'{other_colour} {second}')}",
        )
    )


def _with_article(words: str) -> str:
    return f"{article(words)} {words}"
