"""The concepts of a set, with their words in all languages, in an order that does not depend on the build."""

from collections.abc import Iterable
from pathlib import Path

from dalle.data.emoji.build import emoji_concept
from dalle.data.emoji.names import EmojiNames, codepoint_key, read_json, slugify
from dalle.data.sprites.sprite_set import Concept
from dalle.data.sprites.vocabulary import Vocabulary
from dalle.data.sprites.wordnet import WordNet


def concepts(
    labels: Iterable[tuple[str, bool]],
    vocabulary: Vocabulary,
    names: EmojiNames,
    wordnet: WordNet,
    package: Path,
) -> list[Concept]:
    """Concepts of (label, whether it is a composition): emoji in Unicode's order, then nouns, then the rest.

    `package` is emojibase-data, which has names in many languages. Raises ValueError where two labels make
    one slug.
    """
    order = {label: at for at, label in enumerate(vocabulary.emoji)}
    known = sorted(set(labels), key=lambda pair: (order.get(pair[0], len(order)), pair[1], pair[0]))
    languages = sorted(folder.name for folder in package.iterdir() if (folder / "data.json").is_file())
    tables = {
        language: {
            codepoint_key(entry["hexcode"]): entry for entry in read_json(package / language / "data.json")
        }
        for language in languages
    }
    found = []
    for label, composition in known:
        if label in vocabulary.emoji:
            found.append(_emoji(vocabulary.emoji[label], names, tables))
        else:
            found.append(_noun(label, composition, vocabulary, wordnet))
    slugs = [concept.slug for concept in found]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise ValueError(
            f"two concepts have the slug {twice[0]!r}: give one of them another label in phrases.tsv"
        )
    return found


def _emoji(emoji: str, names: EmojiNames, tables: dict[str, dict[str, dict]]) -> Concept:
    return Concept(kind="emoji", **vars(emoji_concept(emoji, names, tables)))


def _noun(label: str, composition: bool, vocabulary: Vocabulary, wordnet: WordNet) -> Concept:
    sense = wordnet.concrete(label.lower())
    head = sense if sense is not None else wordnet.concrete(label.lower().rpartition(" ")[2])
    meaning = wordnet.synset(head) if head is not None and not composition else None
    wider = wordnet.synset(meaning.hypernyms[0]).words[0] if meaning and meaning.hypernyms else ""
    synonyms = dict.fromkeys(vocabulary.merged(label))
    if sense is not None and not composition:
        synonyms |= dict.fromkeys(wordnet.synset(sense).words)
    synonyms.pop(label, None)
    return Concept(
        slug=slugify(label),
        kind="composition" if composition else "noun",
        emoji="",
        group=meaning.kind if meaning else "",
        subgroup=wider,
        canonical=slugify(label),
        labels={"en": label},
        keywords={"en": tuple(synonyms)} if synonyms else {},
    )
