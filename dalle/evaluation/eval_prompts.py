"""The prompts of an evaluation, each with the classes that a correct image may have."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import ConceptNames, concept_noun, pick, plain_caption
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.english import parse_noun, with_typo
from dalle.data.scenes.facts import HasConcept, Relation, facts_of_type
from dalle.data.scenes.scene import Scene, SceneWeights

# Categories of GenEval (arXiv:2310.11513) -> kind of scene (data/scenes/composer.py).
COMPOSITION_CATEGORIES = {
    "single": "single",
    "two": "pair",
    "counting": "count",
    "colour": "colour",
    "position": "relation",
    "attribution": "attribution",
}
# Categories of prompts of one word; each of EVAL_LANGUAGES is another.
WORD_CATEGORIES = ("keywords", "misspellings", "outside")
EVAL_LANGUAGES = ("zh", "es", "fr", "de", "ja", "pt", "ru", "ko", "it", "hi")
EXCLUDED_GROUPS = ("people & body", "symbols", "flags")  # their concepts are seldom prompted
EXCLUDED_RELATIONS = ("on", "beside")  # "on" cannot be told from boxes, "beside" is true of most pairs
EVAL_SEED = 20_000  # first seed; examples and sample grids use none near it

# Words that are in no label or keyword of the data -> slugs of the concepts that a correct image may show.
UNSEEN_WORDS = {
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
    """A prompt; `targets` are the classes that a correct image may have, `category` groups its metrics."""

    text: str
    targets: frozenset[str] = frozenset()
    category: str = ""
    seed: int = EVAL_SEED


@dataclass(frozen=True)
class IconPrompt(EvalPrompt):
    """A prompt for one icon of the emoji set: its concept in its style."""

    icon: int = field(kw_only=True)  # index into EmojiSet.icons


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """`count` items at equal distances from the first one on; all of them if there are fewer."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def common_concepts(emoji: EmojiSet) -> list[int]:
    """Indices of concepts that people are likely to prompt.

    Those outside EXCLUDED_GROUPS that have icons in at least half of the styles and an English label of one
    or two words; of near-identical concepts one.
    """
    icon_counts = Counter(icon.concept for icon in emoji.icons)
    min_icons = 0.5 * len({icon.style for icon in emoji.icons})
    return [
        index
        for index, concept in enumerate(emoji.concepts)
        if concept.group not in EXCLUDED_GROUPS and concept.slug == concept.canonical
        if icon_counts[index] >= min_icons and len(concept.labels["en"].split()) <= 2
    ]


def common_labels(emoji: EmojiSet, count: int) -> list[str]:
    """English labels of `count` common concepts, evenly spaced over all of them."""
    return [emoji.concepts[concept].labels["en"] for concept in evenly_spaced(common_concepts(emoji), count)]


# --- recognition


def style_prompts(emoji: EmojiSet, concepts: int, seeds: int) -> list[IconPrompt]:
    """`seeds` prompts for each of `concepts` concepts, evenly spaced over all groups, naming a style.

    Styles alternate with the seed and from concept to concept, so that all are about as frequent. Of
    near-identical concepts one is used. The category is the style.
    """
    styles: dict[int, dict[str, int]] = defaultdict(dict)
    for number, icon in enumerate(emoji.icons):
        styles[icon.concept][icon.style] = number
    distinct = [i for i, c in enumerate(emoji.concepts) if c.slug == c.canonical and i in styles]
    prompts = []
    for position, index in enumerate(evenly_spaced(distinct, concepts)):
        for turn in range(seeds):
            style, icon = list(styles[index].items())[(position + turn) % len(styles[index])]
            text, targets = (
                plain_caption(emoji.concepts[index], style),
                frozenset({emoji.concepts[index].canonical}),
            )
            prompts.append(IconPrompt(text, targets, style, EVAL_SEED + len(prompts), icon=icon))
    return prompts


# --- words


def word_prompts(emoji: EmojiSet, count: int) -> list[EvalPrompt]:
    """Up to `count` prompts of each of WORD_CATEGORIES and EVAL_LANGUAGES, for common concepts."""
    concepts = common_concepts(emoji)
    names = _classes_by_name(emoji)
    prompts = evenly_spaced(keyword_prompts(emoji, concepts, names), count)
    prompts += evenly_spaced(misspelling_prompts(emoji, concepts, names), count)
    prompts += [
        EvalPrompt(parse_noun(word).singular(), targets, "outside")
        for word, slugs in list(UNSEEN_WORDS.items())[:count]
        if (targets := frozenset(slugs.split()) & {concept.canonical for concept in emoji.concepts})
    ]
    for language in EVAL_LANGUAGES:
        labelled = [index for index in concepts if language in emoji.concepts[index].labels]
        labels = [emoji.concepts[index].labels[language] for index in evenly_spaced(labelled, count)]
        prompts += [EvalPrompt(label, names[label.casefold()], language) for label in labels]
    return [replace(each, seed=EVAL_SEED + i) for i, each in enumerate(prompts)]


def keyword_prompts(
    emoji: EmojiSet, concepts: Sequence[int], names: Mapping[str, frozenset[str]]
) -> list[EvalPrompt]:
    """One English keyword of each concept that has one; every class with that keyword is a target."""
    concept_names = ConceptNames(emoji.concepts, {})
    rng = np.random.Generator(np.random.PCG64(EVAL_SEED))
    options = (concept_names.keyword_weights(index, "en") for index in concepts)
    keywords = [pick(rng, weights) for weights in options if weights]
    return [EvalPrompt(word, names[word.casefold()], "keywords") for word in keywords]


def misspelling_prompts(emoji: EmojiSet, concepts: Sequence[int], names: Collection[str]) -> list[EvalPrompt]:
    """English labels with a typo in the longest word, unless the typo gives another name of the data."""
    rng, prompts = np.random.Generator(np.random.PCG64(EVAL_SEED)), []
    for index in concepts:
        text = concept_noun(emoji.concepts[index]).singular()
        misspelt = with_typo(text, rng)
        changed = set(misspelt.split()) - set(text.split())
        if changed and changed.isdisjoint(names):
            targets = frozenset({emoji.concepts[index].canonical})
            prompts.append(EvalPrompt(misspelt, targets, "misspellings"))
    return prompts


def _classes_by_name(emoji: EmojiSet) -> dict[str, frozenset[str]]:
    """Every label and keyword in any language, case-folded -> the classes that have it."""
    classes: dict[str, set[str]] = defaultdict(set)
    for concept in emoji.concepts:
        keywords = (word for words in concept.keywords.values() for word in words)
        for name in (*concept.labels.values(), *keywords):
            classes[name.casefold()].add(concept.canonical)
    return {name: frozenset(bases) for name, bases in classes.items()}


# --- composition


def composition_scenes(emoji: EmojiSet, category: str, count: int, size: int) -> list[Scene]:
    """Up to `count` scenes of common concepts with English captions, all different, `size` pixels a side.

    Only colours and pairs of concepts that were held out from training. Raises ValueError for a category
    that is not in COMPOSITION_CATEGORIES.
    """
    if category not in COMPOSITION_CATEGORIES:
        raise ValueError(f"unknown category {category!r}; choose one of {', '.join(COMPOSITION_CATEGORIES)}")
    languages = {language: float(language == "en") for c in emoji.concepts for language in c.labels}
    mix = SceneWeights(languages=languages, named_style_share=0)
    composer = Composer(emoji, EVAL_SEED, common_concepts(emoji), size, mix, held_out=True)
    by_caption: dict[str, Scene] = {}
    for index in range(100 * count):
        scene = _with_plain_caption(emoji, composer.scene(index, COMPOSITION_CATEGORIES[category]))
        relations = {fact.relation for fact in facts_of_type(scene.caption_facts, Relation)}
        if relations.isdisjoint(EXCLUDED_RELATIONS):
            by_caption.setdefault(scene.caption, scene)
        if len(by_caption) == count:
            break
    return list(by_caption.values())


def _with_plain_caption(emoji: EmojiSet, scene: Scene) -> Scene:
    """A scene of one object with the plainest caption: its own may be a keyword of several concepts."""
    if scene.kind != "single":
        return scene
    concept = emoji.concepts[emoji.icons[scene.objects[0].icon].concept]
    return replace(scene, caption=plain_caption(concept), caption_facts=frozenset({HasConcept(concept.slug)}))
