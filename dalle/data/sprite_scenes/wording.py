"""Templates of captions; {one} is "a red apple", {bare} "red apple", {text} a caption so far.

Phrases of places and sizes, of relations and pairs are those of `dalle.data.scenes.captions`.
"""

import random
import re

from dalle.data.scenes.english import article
from dalle.data.sprite_scenes.sampling import Weighted, pick

LABEL_TEMPLATES = Weighted(  # of one thing
    {
        "{bare}": 7,
        "{one}": 10,
        "{bare} icon": 0.5,
        "a picture of {one}": 1,
        "a drawing of {one}": 1,
        "an icon of {one}": 0.7,
        "an illustration of {one}": 0.7,
        "draw {one}": 0.5,
    }
)
EMOJI_TEMPLATES = Weighted({"{bare} emoji": 3, "an emoji of {one}": 1})
EMOJI_TEMPLATE_SHARE = 0.06  # of the captions of an emoji's concept
STANDALONE_TEMPLATES = Weighted({"{}": 10, "{} icon": 1})  # of words that fit into no sentence
COUNT_TEMPLATES = Weighted(
    {"{}": 10, "a picture of {}": 1, "a drawing of {}": 1, "a group of {}": 1, "{} together": 0.5}
)

STYLE_TEMPLATES = Weighted(
    {
        "{text}, {style} style": 4,
        "{text}, {style}": 2,
        "{text} in {style} style": 3,
        "{text} in the {style} style": 1,
    }
)
DRAWN_STYLE_TEMPLATES = Weighted(  # of styles that name a kind of drawing: "solid icon"
    {
        "{text}, {style}": 5,
        "{text}, {style} style": 3,
        "{text} in {style} style": 1,
        "{a} {style} of {text}": 2,
    }
)
FOREIGN_STYLE_TEMPLATES = Weighted({"{text}, {style} style": 1, "{text}, {style}": 1})
NAMES_DRAWING = re.compile(r"an? (?:picture|drawing|icon|emoji|illustration|group) of ")
DRAWN_STYLE_ENDINGS = ("icon", "pictogram", "sticker", "symbol", "emoji")
GROUND_TEMPLATES = Weighted(
    {"{text} on {a} {colour} background": 6, "{text}, {colour} background": 2, "{text} on {colour}": 1}
)
GRADIENT_TEMPLATES = Weighted(
    {
        "{text} on a background from {top} to {bottom}": 2,
        "{text} on {a} {top} to {bottom} gradient": 3,
        "{text}, {top} and {bottom} gradient background": 1,
    }
)

# {bare} is a noun without article; {a} fits the word after it.
MATERIAL_TEMPLATES = {
    "gold": ("a gold {bare}", "a golden {bare}", "{one} made of gold"),
    "wood": ("a wooden {bare}", "{one} made of wood", "{one} carved from wood"),
    "ice": ("{one} made of ice", "an ice {bare}", "{one} carved from ice"),
    "glass": ("a glass {bare}", "{one} made of glass"),
    "stone": ("a stone {bare}", "{one} made of stone", "{one} carved in stone"),
    "striped": ("a striped {bare}", "{one} with stripes"),
    "dotted": ("a dotted {bare}", "a polka dot {bare}", "{one} with dots"),
    "starry": ("a starry {bare}", "{one} covered in stars", "{one} with a pattern of stars"),
    "rainbow": ("a rainbow {bare}", "a rainbow-coloured {bare}", "{one} in rainbow colours"),
}
LOOK_TEMPLATES = {
    "pixel art": (
        "{text}, pixel art",
        "pixel art of {text}",
        "{text} in pixel art style",
        "{text} as pixel art",
    ),
    "line drawing": (
        "a line drawing of {text}",
        "{text}, line drawing",
        "{text} as a line drawing",
        "line art of {text}",
    ),
    "silhouette": (
        "a silhouette of {text}",
        "the silhouette of {text}",
        "{text}, silhouette",
        "{text} in silhouette",
    ),
    "sticker": ("a sticker of {text}", "{text}, sticker", "{text} as a sticker"),
    "neon": ("a neon sign of {text}", "{text}, neon", "{text} in neon", "{text} as a neon sign"),
    "blueprint": ("a blueprint of {text}", "{text}, blueprint", "{text} as a blueprint"),
    "gold relief": ("a gold relief of {text}", "{text}, gold relief", "{text} in gold relief"),
}
MASHUP_TEMPLATES = (  # {shape} gives the outline, {fill} or {fills} the picture inside it
    "{fill} in the shape of {shape}",
    "{fill} shaped like {shape}",
    "{shape} made of {fills}",
    "{shape} that looks like {fill}",
    "{shape} with the look of {fill}",
)
PLACE_ALONE_TEMPLATES = Weighted(
    {"{}": 6, "a picture of {}": 1, "a drawing of {}": 1, "a landscape, {}": 0.3}
)


def with_style(rng: random.Random, text: str, style: str, english: bool) -> str:
    """The caption, continued by what captions call a style: "solid icon"."""
    if not english:
        templates = FOREIGN_STYLE_TEMPLATES
    elif style.endswith(DRAWN_STYLE_ENDINGS) and text.startswith(("a ", "an ", "the ")):
        templates = STYLE_TEMPLATES if NAMES_DRAWING.match(text) else DRAWN_STYLE_TEMPLATES
    else:
        templates = STYLE_TEMPLATES
    return templates.draw(rng).format(text=text, style=style, a=article(style))


def with_ground(rng: random.Random, text: str, colour: str) -> str:
    """The English caption, continued by the colour of the background."""
    return GROUND_TEMPLATES.draw(rng).format(text=text, a=article(colour), colour=colour)


def with_gradient(rng: random.Random, text: str, top: str, bottom: str) -> str:
    """The English caption, continued by the two colours of the background."""
    return GRADIENT_TEMPLATES.draw(rng).format(text=text, a=article(top), top=top, bottom=bottom)


def with_look(rng: random.Random, text: str, look: str) -> str:
    """The English caption, continued by a look of the whole picture; several things are no "a sticker"."""
    templates = LOOK_TEMPLATES[look]
    is_one = text.startswith(("a ", "an ", "the ")) and " and " not in text
    return pick(rng, templates if is_one else templates[:2]).format(text=text)


def with_article(text: str) -> str:
    """A text that starts with "a", with "an" where the next word needs it."""
    first, _, rest = text.partition(" ")
    return f"{article(rest)} {rest}" if first == "a" else text


def as_typed(rng: random.Random, text: str) -> str:
    """The caption as people type: mostly in lower case, with straight quotes and without a full stop."""
    text = text.replace("’", "'") if rng.random() < 0.8 else text
    text = text.lower() if rng.random() < 0.85 else text
    text = text[0].upper() + text[1:] if rng.random() < 0.08 else text
    return text + "." if rng.random() < 0.06 and text[-1].isalnum() else text
