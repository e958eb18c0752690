"""Synonym pairs (text, English label) that train the TextEncoder without pictures.

Sources: labels and keywords of the data in all languages, typos, and words outside the data, whose nearest
label a sentence-embedding teacher finds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import ENGLISH, ConceptNames
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.english import with_typo
from dalle.training.text_teacher import Teacher

MIN_SIMILARITY = 0.62  # least cosine similarity between a word outside the data and its nearest name
# How often each kind is listed, so that rare pairs are seen often enough among half a million: labels in the
# languages of the scenes, labels in other languages, English keywords.
LABEL, RARE_LABEL, KEYWORD = 8, 1, 4
TYPO_SHARE = 0.1  # share of texts that are an English label with a typo

Pair = tuple[str, str]  # a text, and the English label of the same concept


class SynonymSample(NamedTuple):
    text: str
    label: str
    caption: str  # of a random scene, unrelated to the pair


class SynonymDataset(Dataset):
    """Random pairs, some with typos, each with a caption; item i depends on the composer and i alone."""

    def __init__(self, pairs: Sequence[Pair], composer: Composer):
        self.pairs, self.composer = pairs, composer

    def __getitem__(self, index: int) -> SynonymSample:
        rng = np.random.Generator(np.random.PCG64([self.composer.seed, index, 2]))
        text, label = self.pairs[int(rng.integers(len(self.pairs)))]
        if rng.random() < TYPO_SHARE:
            text = with_typo(label, rng)
        return SynonymSample(text, label, self.composer.scene(index).caption)

    def __len__(self) -> int:
        return 2**31


def synonym_pairs(emoji: EmojiSet, languages: Sequence[str], teacher: Teacher) -> list[Pair]:
    """Pairs of all labels, of keywords in `languages`, and of the teacher's words outside the data."""
    names = ConceptNames(emoji.concepts, {})
    pairs: list[Pair] = []
    for index, concept in enumerate(emoji.concepts):
        english = concept.labels["en"]
        pairs += [(word, english) for word in names.keyword_weights(index, "en")] * KEYWORD
        for language in sorted(concept.labels.keys() - set(ENGLISH)):
            in_scenes = language in languages
            pairs += [(concept.labels[language], english)] * (LABEL if in_scenes else RARE_LABEL)
            pairs += [(word, english) for word in names.keyword_weights(index, language) if in_scenes]
    return pairs + _out_of_data_pairs(names, teacher) * KEYWORD


def _out_of_data_pairs(names: ConceptNames, teacher: Teacher) -> list[Pair]:
    """Pairs (word, English label) for teacher words that are neither label nor keyword of any concept.

    The label is the one whose name has the highest cosine similarity, if at least MIN_SIMILARITY.
    """
    labels = {concept.labels["en"].lower(): concept.labels["en"] for concept in names.concepts}
    for index, concept in enumerate(names.concepts):
        for word in names.keyword_weights(index, "en"):
            labels.setdefault(word.lower(), concept.labels["en"])
    known = [index for index, text in enumerate(teacher.texts) if text in labels]
    others = [index for index, text in enumerate(teacher.texts) if text not in labels]
    cosines, indices = (teacher.embeddings[others] @ teacher.embeddings[known].T).max(1)
    return [
        (teacher.texts[other], labels[teacher.texts[known[index]]])
        for other, cosine, index in zip(others, cosines.tolist(), indices.tolist(), strict=True)
        if cosine >= MIN_SIMILARITY
    ]
