"""A fake emoji set of sixteen concepts in two styles, each icon a disc of one colour, never on disk."""

import numpy as np

from dalle.data.emoji.emoji_set import Concept, EmojiSet, Icon
from dalle.data.scenes.colours import COLOURS

SIZE = 32
CONCEPTS = {  # label -> colour, group, keywords
    "cat": ("orange", "animals & nature", ("kitten", "pet")),
    "cat face": ("yellow", "animals & nature", ("kitten", "pet", "cat")),
    "dog": ("brown", "animals & nature", ("puppy", "pet")),
    "owl": ("purple", "animals & nature", ("wise",)),
    "mouse": ("grey", "animals & nature", ("rodent",)),
    "house": ("red", "travel & places", ("home",)),
    "car": ("blue", "travel & places", ("automobile",)),
    "red apple": ("red", "food & drink", ("fruit",)),
    "green apple": ("green", "food & drink", ("fruit",)),
    "scissors": ("grey", "objects", ("cut",)),
    "key": ("yellow", "objects", ("lock",)),
    "thumbs up": ("yellow", "people & body", ("like",)),
    "cook": ("pink", "people & body", ("chef",)),
    "man cook": ("pink", "people & body", ("chef",)),
    "woman cook": ("pink", "people & body", ("chef",)),
    "no entry": ("red", "symbols", ("forbidden",)),
}
SPANISH = {"cat": "gato", "cat face": "gato", "dog": "perro"}  # one label of two concepts, as in real data


def disc(colour: str) -> np.ndarray:
    """A disc of one colour on transparent black, nine tenths of its square wide: (SIZE, SIZE, 4) uint8."""
    down, across = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    mask = (np.hypot(across, down) < 0.9)[..., None]
    return np.concatenate([mask * np.array(COLOURS[colour]), mask * 255], -1).astype(np.uint8)


def fake_emoji() -> EmojiSet:
    """The set; several keywords and Spanish labels stand for more than one concept, as in real data."""
    concepts = tuple(
        Concept(
            slug=label.replace(" ", "-"),
            emoji=chr(0x1F400 + index),
            group=group,
            subgroup="",
            canonical="cook" if label.endswith("cook") else label.replace(" ", "-"),
            labels={"en": label, "es": SPANISH.get(label, f"{label} es")},
            keywords={"en": words, "es": ()},
        )
        for index, (label, (_, group, words)) in enumerate(CONCEPTS.items())
    )
    icons = tuple(Icon(index, style) for index in range(len(concepts)) for style in ("noto", "twemoji"))
    pixels = np.stack([disc(CONCEPTS[concepts[icon.concept].labels["en"]][0]) for icon in icons])
    return EmojiSet(concepts, icons, SIZE, "fake", (), pixels)
