"""What is drawn of prompts that need reading, judged: the part of `--what words` beyond single words.

nouns      outside the data: top-k, of the classes of their fair labels
phrases    of ten languages and English: by the verifier, as composition is, and by the background
colours    names of colours on things: thing and colour, by the verifier
negation   the share of pictures without the unwanted thing
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from tqdm import tqdm

from dalle.data.scenes.colours import dominant_colour
from dalle.data.scenes.facts import Count, Fact, HasColour, HasConcept, Relation
from dalle.evaluation import reading_sets, verifier
from dalle.evaluation.detector import Detection
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt, evenly_spaced
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics, fraction, top_k_accuracy
from dalle.evaluation.quality import measure_words
from dalle.evaluation.reading_answers import Answer, fits
from dalle.evaluation.reading_quality import noun_prompt
from dalle.evaluation.reading_sets import PhraseScene

DRAWN_NOUNS = 100
DRAWN_PHRASES = 50  # a language
DRAWN_COLOURS = 100
FRAME = 3  # pixels along the edges that show the background


def measure_words_and_phrases(evaluator: Evaluator) -> Metrics:
    """Single words, and what is drawn of nouns outside the data, phrases, colours and negation."""
    return {
        **measure_words(evaluator),
        "nouns": _measure_nouns(evaluator),
        "phrases": _measure_phrases(evaluator),
        "colours": _measure_colours(evaluator),
        "negation": _measure_negation(evaluator),
    }


def _classes(evaluator: Evaluator, nouns: Iterable[str]) -> frozenset[str]:
    """The classes of the concepts with one of these nouns as their English label."""
    nouns = list(nouns)
    return frozenset(
        concept.canonical
        for concept in evaluator.emoji.concepts
        if any(fits(concept.labels["en"].lower().replace("’", "'"), noun) for noun in nouns)
    )


def _measure_nouns(evaluator: Evaluator) -> Metrics:
    """Top-k accuracy of nouns with a fair label."""
    prompts = [
        EvalPrompt(noun_prompt(test.noun, index), _classes(evaluator, test.fair))
        for index, test in enumerate(reading_sets.test_nouns())
        if test.noun not in evaluator.pipeline.lexicon.label_words
    ]
    prompts = evenly_spaced([each for each in prompts if each.targets], DRAWN_NOUNS)
    prompts = [EvalPrompt(each.text, each.targets, seed=EVAL_SEED + i) for i, each in enumerate(prompts)]
    drawn = evaluator.draw_prompts(prompts, "nouns")
    ranks = evaluator.target_ranks(drawn, prompts, "nouns")
    return {"prompts": len(prompts)} | top_k_accuracy(ranks)


# --- phrases


@dataclass(frozen=True)
class Criteria:
    """What a picture must show: one of these sets of facts; the background, if named; no unwanted class.

    A thing that may be of a wanted class does not count as unwanted: a detection has several classes.
    """

    facts: Sequence[Collection[Fact]] = ()
    background: str = ""
    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()


def _measure_phrases(evaluator: Evaluator) -> Metrics:
    """The score of each language, and its ratio to the English score."""
    english = reading_sets.Phrasebook("en")
    scenes = reading_sets.phrase_scenes()
    known = evaluator.class_of.keys() | {""}
    chosen = [i for i, scene in enumerate(scenes) if {scene.first, scene.second} <= known][:DRAWN_PHRASES]
    answers = [reading_sets.phrase_answer(scenes[i], english) for i in chosen]
    criteria = [
        Criteria(
            [_phrase_facts(scenes[i])],
            "".join(answer.background),
            _wanted(evaluator, answer),
            _unwanted(evaluator, answer),
        )
        for i, answer in zip(chosen, answers, strict=True)
    ]
    results: Metrics = {}
    for language in ("en", *reading_sets.PHRASE_LANGUAGES):
        prompts = reading_sets.phrase_prompts(language)
        verdicts = _judge(evaluator, [prompts[i].text for i in chosen], criteria, f"phrases: {language}")
        results[language] = {"prompts": len(chosen), "score": fraction(verdicts)}
    for result in results.values():
        result["of_english"] = result["score"] / max(results["en"]["score"], 1e-9)
    return results


def _phrase_facts(scene: PhraseScene) -> frozenset[Fact]:
    """The facts of a phrase that the verifier compares."""
    facts: set[Fact] = {HasConcept(scene.first)}
    if scene.kind == "colour":
        facts.add(HasColour(scene.first, scene.colour))
    elif scene.kind == "count":
        facts.add(Count(scene.first, scene.number))
    elif scene.kind == "two":
        facts.add(HasConcept(scene.second))
        if scene.relation in ("left-of", "above"):
            facts.add(Relation(scene.first, scene.relation, scene.second))
        elif scene.relation in ("right-of", "below"):
            opposite = {"right-of": "left-of", "below": "above"}[scene.relation]
            facts.add(Relation(scene.second, opposite, scene.first))
    return frozenset(facts)


def _wanted(evaluator: Evaluator, answer: Answer) -> frozenset[str]:
    return _classes(evaluator, (noun for thing in answer.things for noun in thing.nouns))


def _unwanted(evaluator: Evaluator, answer: Answer) -> frozenset[str]:
    return _classes(evaluator, (noun for nouns in answer.unwanted for noun in nouns))


# --- colours and negation


def _measure_colours(evaluator: Evaluator) -> Metrics:
    """A hundred names of colours, each on one thing: the share of pictures of the thing in such a colour."""
    prompts = reading_sets.colour_prompts()
    things = len(reading_sets.COLOURED_THINGS)
    chosen = [
        (prompts[name * things + name % things], thing)
        for name in range(len(prompts) // things)
        if (thing := reading_sets.COLOURED_THINGS[name % things]) in evaluator.class_of
    ]
    chosen = evenly_spaced(chosen, DRAWN_COLOURS)
    criteria = [
        Criteria(
            [{HasConcept(thing), HasColour(thing, colour)} for colour in prompt.answer.things[0].colours]
        )
        for prompt, thing in chosen
    ]
    texts = [prompt.text for prompt, _ in chosen]
    return {"prompts": len(texts), "score": fraction(_judge(evaluator, texts, criteria, "colours"))}


def _measure_negation(evaluator: Evaluator) -> Metrics:
    """The share of pictures without the unwanted thing, of prompts whose unwanted thing has a class."""
    prompts = [each for each in reading_sets.negation_prompts() if _unwanted(evaluator, each.answer)]
    criteria = [
        Criteria(wanted=_wanted(evaluator, each.answer), unwanted=_unwanted(evaluator, each.answer))
        for each in prompts
    ]
    verdicts = _judge(evaluator, [each.text for each in prompts], criteria, "negation")
    return {"prompts": len(prompts), "absent": fraction(verdicts)}


def _judge(
    evaluator: Evaluator, texts: Sequence[str], criteria: Sequence[Criteria], description: str
) -> list[bool]:
    """Draw each text, and say whether the picture meets its criteria."""
    prompts = [EvalPrompt(text, seed=EVAL_SEED + i) for i, text in enumerate(texts)]
    drawn = evaluator.draw_prompts(prompts, description)
    pairs = zip(drawn, criteria, strict=True)
    return [
        meets(each, evaluator.detect(np.asarray(picture)), picture, evaluator.class_of)
        for picture, each in tqdm(pairs, desc=f"{description}: judging", total=len(drawn))
    ]


def meets(
    criteria: Criteria, detections: Sequence[Detection], picture: Image.Image, class_of: dict[str, str]
) -> bool:
    """Whether a picture with these detections meets the criteria; `class_of`: slug -> class."""
    facts = criteria.facts
    if facts and not any(verifier.verify(each, detections, class_of) for each in facts):
        return False
    if criteria.background and background_colour(picture) != criteria.background:
        return False
    others = [detection for detection in detections if criteria.wanted.isdisjoint(detection.classes)]
    return all(criteria.unwanted.isdisjoint(detection.classes) for detection in others)


def background_colour(picture: Image.Image) -> str:
    """The name of the colour along a picture's edges."""
    pixels = np.asarray(picture)
    sides = (pixels[:FRAME], pixels[-FRAME:], pixels[:, :FRAME], pixels[:, -FRAME:])
    return dominant_colour(np.concatenate([side.reshape(-1, 3) for side in sides]))
