"""Questions: what a checkpoint is asked to draw to be graded, and which answers of the referee are right."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import ConceptNames, noun_of, pick, prompt
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.english import noun, with_typo
from dalle.data.scenes.scene import Scene, SceneWeights

# Categories of GenEval (arXiv:2310.11513), each with the kind of scene that asks for it.
CATEGORIES = {
    "single": "single",
    "two": "pair",
    "counting": "count",
    "colour": "colour",
    "position": "relation",
    "attribution": "attribution",
}
KINDS = ("keywords", "misspellings", "outside")  # of words, beside the languages
LANGUAGES = ("zh", "es", "fr", "de", "ja", "pt", "ru", "ko", "it", "hi")
UNTYPED = ("people & body", "symbols", "flags")  # groups that people seldom type
TOUCHING = ("on", "beside")  # relations that a judge of regions cannot tell, or that say too little
SEED = 20_000  # of the first picture; no sheet or example uses seeds near it

# Words that no label or keyword of the data says, with the concepts that a person would accept.
OUTSIDE = {
    **dict.fromkeys(("hound", "pooch", "mutt"), "dog dog-face guide-dog service-dog poodle"),
    **dict.fromkeys(("stallion", "pony"), "horse horse-face"),
    **dict.fromkeys(("hog", "swine", "piglet"), "pig pig-face boar"),
    **dict.fromkeys(("stag", "reindeer"), "deer moose"),
    **dict.fromkeys(("viper", "cobra"), "snake"),
    **dict.fromkeys(("salamander", "newt"), "lizard"),
    **dict.fromkeys(("limousine", "sedan", "hatchback"), "automobile oncoming-automobile taxi"),
    **dict.fromkeys(("cottage", "bungalow"), "house house-with-garden houses hut"),
    **dict.fromkeys(("fortress", "citadel"), "castle japanese-castle"),
    **dict.fromkeys(("parasol", "brolly"), "umbrella closed-umbrella umbrella-on-ground beach-with-umbrella"),
    **dict.fromkeys(("espresso", "latte", "cappuccino"), "hot-beverage"),
    **dict.fromkeys(("lager", "stout"), "beer-mug clinking-beer-mugs"),
    **dict.fromkeys(("satsuma", "clementine"), "tangerine"),
    **dict.fromkeys(("ruby", "sapphire"), "gem-stone"),
    **dict.fromkeys(("tiara", "diadem"), "crown"),
    **dict.fromkeys(("phantom", "spectre"), "ghost"),
    **dict.fromkeys(("android", "cyborg"), "robot"),
    **dict.fromkeys(("bonfire", "blaze"), "fire"),
    **dict.fromkeys(("billiards", "snooker"), "pool-8-ball"),
    **dict.fromkeys(("armchair", "settee"), "couch-and-lamp chair seat"),
    "tomcat": "cat cat-face black-cat",
    "heifer": "cow cow-face ox",
    "hen": "chicken rooster",
    "chimpanzee": "monkey monkey-face gorilla orangutan",
    "toad": "frog",
    "moth": "butterfly",
    "hare": "rabbit rabbit-face",
    "lioness": "lion",
    "bruin": "bear polar-bear",
    "airliner": "airplane small-airplane airplane-departure airplane-arrival",
    "dinghy": "sailboat canoe motor-boat speedboat",
    "steamer": "ship passenger-ship ferry",
    "skyscraper": "office-building cityscape",
    "cathedral": "church",
    "tepee": "tent camping",
    "spaceship": "rocket flying-saucer",
    "sneakers": "running-shoe",
    "boots": "womans-boot hiking-boot",
    "spectacles": "glasses sunglasses goggles",
    "knapsack": "backpack",
    "timepiece": "watch mantelpiece-clock alarm-clock stopwatch timer-clock",
    "lightbulb": "light-bulb",
    "telly": "television",
    "fiddle": "violin",
    "bugle": "trumpet postal-horn",
    "synthesizer": "musical-keyboard",
    "cheeseburger": "hamburger",
    "spud": "potato",
    "champagne": "bottle-with-popping-cork clinking-glasses",
    "muffin": "cupcake",
    "gyoza": "dumpling",
    "sabre": "dagger crossed-swords",
    "mallet": "hammer",
    "padlock": "locked unlocked locked-with-key locked-with-pen",
    "doorway": "door",
    "biro": "pen",
    "martian": "alien alien-monster",
    "tsunami": "water-wave",
    "summit": "mountain snow-capped-mountain mount-fuji",
    "conifer": "evergreen-tree",
}

T = TypeVar("T")


@dataclass(frozen=True)
class EvalPrompt:
    """A prompt and its right answers; `topic`: what it is counted under; `icon`: the drawing meant."""

    prompt: str
    right: frozenset[str] = frozenset()
    topic: str = ""
    seed: int = SEED
    icon: int | None = None


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items, evenly from first to last."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def common_concepts(emoji: EmojiSet) -> list[int]:
    """Concepts that people type: of groups that they do, drawn in most styles, named in a word or two."""
    drawn = Counter(icon.concept for icon in emoji.icons)
    most = 0.5 * len({icon.style for icon in emoji.icons})
    return [
        index
        for index, concept in enumerate(emoji.concepts)
        if concept.group not in UNTYPED and concept.slug == concept.base
        if drawn[index] >= most and len(concept.labels["en"].split()) <= 2
    ]


def common_labels(emoji: EmojiSet, count: int) -> list[str]:
    """English labels of such concepts, evenly over all of them."""
    return [emoji.concepts[concept].labels["en"] for concept in evenly_spaced(common_concepts(emoji), count)]


# --- recognition


def by_style(emoji: EmojiSet, concepts: int, seeds: int) -> list[EvalPrompt]:
    """Concepts of all groups, one of near-identical ones, with a style said: for every seed the next."""
    styles: dict[int, dict[str, int]] = defaultdict(dict)
    for number, icon in enumerate(emoji.icons):
        styles[icon.concept][icon.style] = number
    distinct = [i for i, c in enumerate(emoji.concepts) if c.slug == c.base and i in styles]
    asked = []
    for position, index in enumerate(evenly_spaced(distinct, concepts)):
        for turn in range(seeds):
            style, icon = list(styles[index].items())[(position + turn) % len(styles[index])]
            text, right = prompt(emoji.concepts[index], style), frozenset({emoji.concepts[index].base})
            asked.append(EvalPrompt(text, right, style, SEED + len(asked), icon))
    return asked


# --- words


def words(emoji: EmojiSet, count: int) -> list[EvalPrompt]:
    """Keywords, misspellings, words outside the data, and labels in ten languages: up to `count` of each."""
    concepts = common_concepts(emoji)
    said = _sayings(emoji)
    asked = evenly_spaced(keywords(emoji, concepts, said), count)
    asked += evenly_spaced(misspellings(emoji, concepts, said), count)
    asked += [
        EvalPrompt(noun(word).one(), right, "outside")
        for word, slugs in list(OUTSIDE.items())[:count]
        if (right := frozenset(slugs.split()) & {concept.base for concept in emoji.concepts})
    ]
    for language in LANGUAGES:
        named = [index for index in concepts if language in emoji.concepts[index].labels]
        labels = [emoji.concepts[index].labels[language] for index in evenly_spaced(named, count)]
        asked += [EvalPrompt(label, said[label.casefold()], language) for label in labels]
    return [replace(question, seed=SEED + i) for i, question in enumerate(asked)]


def keywords(emoji: EmojiSet, concepts: Sequence[int], said: dict[str, frozenset[str]]) -> list[EvalPrompt]:
    """One English keyword of each concept that has any; whatever else carries it is right as well."""
    names, rng = ConceptNames(emoji.concepts, {}), np.random.Generator(np.random.PCG64(SEED))
    options = (names.keywords(index, "en") for index in concepts)
    chosen = [pick(rng, weights) for weights in options if weights]
    return [EvalPrompt(word, said[word.casefold()], "keywords") for word in chosen]


def misspellings(emoji: EmojiSet, concepts: Sequence[int], said: Collection[str]) -> list[EvalPrompt]:
    """English labels with one slip in their longest word, where it is long enough."""
    rng, asked = np.random.Generator(np.random.PCG64(SEED)), []
    for index in concepts:
        text = noun_of(emoji.concepts[index]).one()
        slip = with_typo(text, rng)
        new = set(slip.split()) - set(text.split())
        if new and new.isdisjoint(said):
            asked.append(EvalPrompt(slip, frozenset({emoji.concepts[index].base}), "misspellings"))
    return asked


def _sayings(emoji: EmojiSet) -> dict[str, frozenset[str]]:
    """Every label and keyword in any language, with the answers that go by it."""
    said: dict[str, set[str]] = defaultdict(set)
    for concept in emoji.concepts:
        keywords = (word for words in concept.keywords.values() for word in words)
        for text in (*concept.labels.values(), *keywords):
            said[text.casefold()].add(concept.base)
    return {text: frozenset(bases) for text, bases in said.items()}


# --- composition


def scenes(emoji: EmojiSet, category: str, count: int, size: int) -> list[Scene]:
    """Scenes of common things on plain backgrounds, of colours and pairs that training never combined."""
    if category not in CATEGORIES:
        raise ValueError(f"unknown category {category!r}; choose one of {', '.join(CATEGORIES)}")
    languages = {language: float(language == "en") for c in emoji.concepts for language in c.labels}
    mix = SceneWeights(languages=languages, style_said=0)
    composer = Composer(emoji, SEED, common_concepts(emoji), size, mix, held_out=True)
    found: dict[str, Scene] = {}
    for index in range(100 * count):
        scene = _asked(emoji, composer.scene(index, CATEGORIES[category]))
        if not any(fact.split(":")[0] in TOUCHING for fact in scene.says):
            found.setdefault(scene.caption, scene)
        if len(found) == count:
            break
    return list(found.values())


def _asked(emoji: EmojiSet, scene: Scene) -> Scene:
    """The scene; of one thing under its plainest name, since a keyword may stand for others too."""
    if scene.kind != "single":
        return scene
    concept = emoji.concepts[emoji.icons[scene.things[0].icon].concept]
    return replace(scene, caption=prompt(concept), says=frozenset({f"concept:{concept.slug}"}))
