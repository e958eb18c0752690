"""Other ways to say the same: what a concept is called in every language, and words that the data lacks.

Pairs of a text and the English label that it stands for teach a TextEncoder without any picture.
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

NEAR = 0.62  # cosine to the nearest English name from which a word of the teacher's stands for it
# How often each is listed: labels in a language that matters and in any other, and English keywords. Once
# alone, and learnt by heart among half a million, none would be.
LABEL, RARE_LABEL, KEYWORD = 8, 1, 4
SLIPS = 0.1  # share of texts that are an English label with a slip of the hand

Pair = tuple[str, str]  # a text, and the English label of the same concept


class SynonymSample(NamedTuple):
    text: str
    label: str
    caption: str  # of some scene; it has nothing to do with the pair


class SynonymDataset(Dataset):
    """Pairs, some misspelt, each beside a caption; item i is a pure function of (composer, i)."""

    def __init__(self, pairs: Sequence[Pair], composer: Composer):
        self.pairs, self.composer = pairs, composer

    def __getitem__(self, index: int) -> SynonymSample:
        rng = np.random.Generator(np.random.PCG64([self.composer.seed, index, 2]))
        text, label = self.pairs[rng.integers(len(self.pairs))]
        if rng.random() < SLIPS:
            text = with_typo(label, rng)
        return SynonymSample(text, label, self.composer.scene(index).caption)

    def __len__(self) -> int:
        return 2**31


def pairs(emoji: EmojiSet, languages: Sequence[str], teacher: Teacher) -> list[Pair]:
    """Labels in every language, keywords in those of `languages`, and the teacher's words."""
    names = ConceptNames(emoji.concepts, {})
    found: list[Pair] = []
    for index, concept in enumerate(emoji.concepts):
        english = concept.labels["en"]
        found += [(word, english) for word in names.keywords(index, "en")] * KEYWORD
        for language in sorted(concept.labels.keys() - set(ENGLISH)):
            known = language in languages
            found += [(concept.labels[language], english)] * (LABEL if known else RARE_LABEL)
            found += [(word, english) for word in names.keywords(index, language) if known]
    return found + _outside(names, teacher) * KEYWORD


def _outside(names: ConceptNames, teacher: Teacher) -> list[Pair]:
    """Words that no name in the data says, each with the label of the concept whose name is nearest."""
    labels = {concept.labels["en"].lower(): concept.labels["en"] for concept in names.concepts}
    for index, concept in enumerate(names.concepts):
        for word in names.keywords(index, "en"):
            labels.setdefault(word.lower(), concept.labels["en"])
    known = [at for at, text in enumerate(teacher.texts) if text in labels]
    others = [at for at, text in enumerate(teacher.texts) if text not in labels]
    nearest = (teacher.embeddings[others] @ teacher.embeddings[known].T).max(1)
    return [
        (teacher.texts[other], labels[teacher.texts[known[at]]])
        for other, near, at in zip(others, nearest.values.tolist(), nearest.indices.tolist(), strict=True)
        if near >= NEAR
    ]
