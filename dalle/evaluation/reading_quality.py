"""How well prompts are read, text alone: the share of right readings of each set of `reading_sets.py`.

Writes every reading that is not right to reading.tsv, so that a person can check the judgement.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dalle.data.scenes.composer import Composer
from dalle.data.scenes.english import parse_noun
from dalle.data.scenes.scene import SceneWeights
from dalle.evaluation import reading_sets
from dalle.evaluation.eval_prompts import EVAL_SEED
from dalle.evaluation.evaluator import Evaluator
from dalle.evaluation.metrics import Metrics, fraction
from dalle.evaluation.reading_answers import faults, find_mentions, fits, known_nouns, pieces
from dalle.evaluation.reading_sets import TestNoun, TestPrompt
from dalle.prompts.draft import Kind, Reading
from dalle.prompts.reader import Reader

CAPTIONS = 1_000
READINGS_FILE = "reading.tsv"  # of the folder of an evaluation

Failures = list[tuple[str, str, str, str, str]]  # set, prompt, text, negative, what is wrong


def measure_reading(evaluator: Evaluator) -> Metrics:
    """The share of prompts of each set that are read right; of nouns outside the data, also of wrong ones."""
    reader, failures = evaluator.pipeline.reader, Failures()
    sets = {
        "typed": reading_sets.typed_prompts(),
        "colours": reading_sets.colour_prompts(),
        "negation": reading_sets.negation_prompts(),
    }
    results = {name: _measure_prompts(reader, name, prompts, failures) for name, prompts in sets.items()}
    results["colours"] = {name: results["colours"][name] for name in ("prompts", "right")}  # not each name
    results["nouns"] = _measure_nouns(reader, evaluator, failures)
    results["phrases"] = {
        language: _measure_prompts(reader, language, reading_sets.phrase_prompts(language), failures)
        for language in ("en", *reading_sets.PHRASE_LANGUAGES)
    }
    results["captions"] = _measure_captions(reader, evaluator, failures)
    rows = ["set\tprompt\ttext\tnegative\twrong", *("\t".join(row) for row in failures)]
    (evaluator.folder / READINGS_FILE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return results


def _measure_prompts(reader: Reader, name: str, prompts: Sequence[TestPrompt], failures: Failures) -> Metrics:
    """The share of right readings in all, and of each kind."""
    labels = reader.lexicon.pieces
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for prompt in prompts:
        reading = reader.read(prompt.text)
        wrong = faults(reading, prompt.answer, labels)
        if wrong:
            failures.append((name, prompt.text, reading.text, reading.negative, "; ".join(wrong)))
        verdicts[prompt.kind].append(not wrong)
    every = [verdict for each in verdicts.values() for verdict in each]
    by_kind = {kind: fraction(each) for kind, each in verdicts.items()} if len(verdicts) > 1 else {}
    return {"prompts": len(prompts), "right": fraction(every)} | by_kind


# --- nouns


@dataclass(frozen=True)
class NounVerdict:
    """What a reading makes of a noun outside the labels."""

    fair: bool  # it names a fair label and no other
    tolerated: bool  # it names a label that is no fault, and no other
    unknown: bool  # it says that it does not know the noun
    wrong: bool  # it names another label as if that were right
    silent: bool  # it names no label, and does not say so


def noun_prompt(noun: str, index: int) -> str:
    """Every other noun with its article, which a reader must not be misled by."""
    return parse_noun(noun).singular() if index % 2 else noun


def judge_noun(
    reading: Reading, test: TestNoun, named: Iterable[str], keywords: Mapping[str, frozenset[str]]
) -> NounVerdict:
    """`named`: the labels in the reading's text; `keywords`: keyword -> the labels that it was taught for.

    A noun that stays as it is names the labels that it is a keyword of; one of these being fair is enough.
    """
    named = list(named)
    unknown = any(note.kind is Kind.UNKNOWN for note in reading.notes)
    taught = keywords.get(test.noun, frozenset()) if test.noun in pieces(reading.text) else frozenset()
    allowed = (*test.fair, *test.tolerated)
    by_name = [_any_fits([label], allowed) for label in named]
    tolerated = all(by_name) if named else _any_fits(taught, allowed)
    return NounVerdict(
        fair=tolerated and _any_fits(named or taught, test.fair),
        tolerated=tolerated,
        unknown=unknown,
        wrong=bool(named or taught) and not tolerated and not unknown,
        silent=not (named or taught or unknown),
    )


def _any_fits(labels: Iterable[str], accepted: Sequence[str]) -> bool:
    return any(fits(label, each) for label in labels for each in accepted)


def _measure_nouns(reader: Reader, evaluator: Evaluator, failures: Failures) -> Metrics:
    """Of each band of frequency, and of all nouns; those that are in labels are counted apart."""
    lexicon, keywords = reader.lexicon, _keywords(evaluator)
    known = known_nouns(lexicon.pieces, ())
    verdicts: dict[str, list[tuple[TestNoun, NounVerdict]]] = defaultdict(list)
    kept = []
    for index, test in enumerate(reading_sets.test_nouns()):
        prompt = noun_prompt(test.noun, index)
        reading = reader.read(prompt)
        if test.noun in lexicon.label_words:
            kept.append(test.noun in pieces(reading.text))
            continue
        named = [mention.noun for mention in find_mentions(reading.text, known)]
        verdict = judge_noun(reading, test, named, keywords)
        verdicts[test.ranks].append((test, verdict))
        if not (verdict.fair if test.fair else verdict.unknown or verdict.tolerated):
            wrong = "read as another" if verdict.wrong else "fair: " + "|".join(test.fair)
            failures.append(("nouns", prompt, reading.text, reading.negative, wrong))
    every = [each for group in verdicts.values() for each in group]
    bands = {ranks: _noun_shares(group) for ranks, group in verdicts.items()}
    return _noun_shares(every) | {"known": len(kept), "known_kept": fraction(kept)} | bands


def _noun_shares(verdicts: Sequence[tuple[TestNoun, NounVerdict]]) -> Metrics:
    fair = [verdict for test, verdict in verdicts if test.fair]
    without = [verdict for test, verdict in verdicts if not test.fair]
    return {
        "nouns": len(verdicts),
        "with_fair": len(fair),
        "read_as_fair": fraction(verdict.fair for verdict in fair),
        "said_unknown": fraction(verdict.unknown or verdict.tolerated for verdict in without),
        "wrong": fraction(verdict.wrong for _, verdict in verdicts),
        "silent": fraction(verdict.silent for _, verdict in verdicts),
    }


def _keywords(evaluator: Evaluator) -> dict[str, frozenset[str]]:
    """English keyword in lower case -> the labels, in lower case, of the concepts that have it."""
    labels: dict[str, set[str]] = defaultdict(set)
    for concept in evaluator.emoji.concepts:
        for keyword in concept.keywords.get("en", ()):
            labels[keyword.lower()].add(concept.labels["en"].lower().replace("’", "'"))
    return {keyword: frozenset(each) for keyword, each in labels.items()}


# --- captions


def training_captions(evaluator: Evaluator, count: int) -> list[str]:
    """English captions in words, as training has them; not those that are an emoji character."""
    emoji = evaluator.emoji
    languages = {language: float(language == "en") for c in emoji.concepts for language in c.labels}
    composer = Composer(emoji, EVAL_SEED, size=32, weights=SceneWeights(languages=languages))
    captions = (composer.scene(index).caption for index in range(2 * count))
    return list(itertools.islice((caption for caption in captions if caption[0].isalnum()), count))


def _measure_captions(reader: Reader, evaluator: Evaluator, failures: Failures) -> Metrics:
    """The share that is unchanged but for white space and typographic quotes."""
    unchanged = []
    captions = training_captions(evaluator, CAPTIONS)
    for caption in captions:
        reading = reader.read(caption)
        same = [text.replace("’", "'").split() for text in (caption, reading.text)]
        unchanged.append(same[0] == same[1] and not reading.negative)
        if not unchanged[-1]:
            failures.append(("captions", caption, reading.text, reading.negative, "changed"))
    return {"prompts": len(captions), "unchanged": fraction(unchanged)}
