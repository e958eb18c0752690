"""Prompts worth trying, for an empty page and its *Surprise me*."""

import random
from collections.abc import Sequence

THINGS = (
    "cat, dog, fox, owl, penguin, whale, octopus, butterfly, dragon, unicorn, rabbit, turtle, snail, "
    "elephant, house, castle, rocket, sailboat, bicycle, tractor, locomotive, parachute, robot, guitar, "
    "crown, umbrella, teapot, cactus, mushroom, tulip, pineapple, strawberry, doughnut, cupcake, pizza, pear"
).split(", ")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "grey")
NUMBERS = ("two", "three", "four", "five")
MANY = "cats, owls, penguins, rockets, tulips, strawberries, robots, turtles, crowns, pears".split(", ")
PLACES = ("to the left of", "to the right of", "above", "below", "next to", "on top of")
STYLES = ("noto", "twemoji", "fluent flat", "fluent 3d")


def random_prompt(seed: int, chosen: Sequence[str] = ()) -> str:
    """A prompt, the same for the same seed: one of the `chosen` where there are any, else an invented one."""
    rng = random.Random(seed)
    if chosen:
        return rng.choice(chosen)
    one, other = rng.sample(THINGS, 2)
    colour, paint = rng.sample(COLOURS, 2)
    return rng.choice(
        (
            _a(f"{colour} {one}"),
            f"{_a(one)}, {rng.choice(STYLES)} style",
            f"{_a(one)} on {_a(colour)} background",
            f"{rng.choice(NUMBERS)} {colour} {rng.choice(MANY)}",
            f"{_a(one)} {rng.choice(PLACES)} {_a(other)}",
            f"{_a(f'{colour} {one}')} {rng.choice(PLACES)} {_a(f'{paint} {other}')}",
        )
    )


def _a(words: str) -> str:
    """The article that goes with these words."""
    vowel = words[0] in "aeiou" and not words.startswith("uni")
    return f"{'an' if vowel else 'a'} {words}"
