"""Names of a checkpoint's labels in other languages, and the emoji characters that stand for them: names.tsv.

Names and keywords are those of Unicode's CLDR in the emoji set; everyday names that it lacks, or gives to
something special, stand in common_names.tsv.
"""

from collections import defaultdict
from collections.abc import Iterable
from importlib import resources

from dalle.data.emoji.emoji_set import Concept, EmojiSet
from dalle.data.scenes.english import parse_noun
from dalle.prompts.lexicon import ARTICLE, MAX_FIELD

LANGUAGES = ("en", "zh", "es", "fr", "de", "ja", "pt", "ru", "ko", "it", "hi")
OTHER_FORMS = {"zh": "zh-hant"}  # a second set of names of the same language
EMOJI = "emoji"  # in place of a language: characters
MAX_SHARED = 3  # concepts of whose keyword the first is meant
MAX_KINDS, KIND_SHARE = 16, 0.6  # of more: as many at most, and this share of them kinds of one thing
LAST_GROUPS = ("smileys & emotion", "people & body", "symbols", "flags")  # a plain thing goes first


Found = tuple[Concept, str]  # with its label


def label_names(emoji: EmojiSet, labels: Iterable[str]) -> dict[str, dict[str, str]]:
    """Language, or EMOJI -> name in lower case -> label; of concepts that have one of `labels`."""
    known = {ARTICLE.sub("", label).lower(): label for label in reversed(list(labels))}
    found: list[Found] = []
    for concept in sorted(emoji.concepts, key=lambda each: each.group in LAST_GROUPS):
        english = concept.labels.get("en", "")
        label = known.get(english.lower()) or known.get(parse_noun(english).bare.lower())
        if label:
            found.append((concept, label))
    common = _common_names(known)
    names = {language: common.get(language, {}) for language in LANGUAGES}
    names = {language: _names(found, language) | each for language, each in names.items()}
    characters = {concept.emoji: label for concept, label in reversed(found) if concept.emoji}
    return {language: each for language, each in names.items() if each} | {EMOJI: characters}


def _common_names(labels: dict[str, str]) -> dict[str, dict[str, str]]:
    """Language -> everyday name -> label; `labels` by their bare nouns. Of common_names.tsv."""
    names: dict[str, dict[str, str]] = {}
    text = resources.files("dalle.release").joinpath("common_names.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        language, name, bare = line.split("\t") if not line.startswith("#") else ("", "", "")
        if bare in labels:
            names.setdefault(language, {})[name] = labels[bare]
    return names


def _names(found: list[Found], language: str) -> dict[str, str]:
    """A name means the label whose own name it is, else the first of a few whose keyword it is."""
    languages = [language, *([OTHER_FORMS[language]] if language in OTHER_FORMS else [])]
    names: dict[str, str] = {}
    for each in languages:
        for concept, label in found:
            name = concept.labels.get(each, "").casefold()
            if name and len(name) <= MAX_FIELD and "\t" not in name:
                names.setdefault(name, label)
    for word, owners in _keyword_owners(found, languages).items():
        # English words are not replaced by these names, but all have to be known.
        label = owners[0][1] if language == "en" else _meant(owners)
        if label and len(word) <= MAX_FIELD and "\t" not in word:
            names.setdefault(word, label)
    return names


def _keyword_owners(found: list[Found], languages: list[str]) -> dict[str, list[Found]]:
    """Keyword in lower case -> the concepts that it belongs to, plain things first."""
    owners: dict[str, list[Found]] = defaultdict(list)
    for each in found:
        words = {word.casefold() for language in languages for word in each[0].keywords.get(language, ())}
        for word in sorted(words):
            owners[word].append(each)
    return owners


def _meant(owners: list[Found]) -> str | None:
    """The label that a keyword means; None for one that is too vague.

    Of many concepts it means the one with the shortest name, if most plain ones are kinds of that.
    """
    if len(owners) <= MAX_SHARED:
        return owners[0][1]
    plain = [each for each in owners if each[0].group not in LAST_GROUPS]
    if not plain or len(owners) > MAX_KINDS:
        return None
    shortest = min(plain, key=lambda each: (len(each[1].split()), len(each[1])))
    head = shortest[1].split()[-1]
    kinds = sum(head in label.split() for _, label in plain)
    return shortest[1] if kinds >= KIND_SHARE * len(plain) else None
