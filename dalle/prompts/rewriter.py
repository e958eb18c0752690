"""Prompt rewriting: replaces an unknown name in a prompt by the nearest known label.

Most training captions of the flow are made of English labels. The text encoder knows more: in the space
shared with images, a name in another language, a keyword or a misspelt word lies near the label of the same
object. So "manzana roja, noto style" becomes "a red apple, noto style". Rewriting prompts into the form of
the training captions follows DALL·E 3 (Betker et al., Improving Image Generation with Better Captions, 2023).
"""

import itertools
import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

import torch
from torch import Tensor

from dalle.data.emoji.emoji_set import STYLES
from dalle.data.scenes import captions
from dalle.data.scenes.colours import COLOURS
from dalle.data.scenes.english import NUMBER_WORDS, parse_noun
from dalle.data.sprite_scenes import place_names, wording
from dalle.data.sprites.sources import sources
from dalle.prompts.vocabulary import EmbedTexts, possible_singulars, split_words

MIN_LABEL_COSINE = 0.6  # similarity of name and label, from which they mean the same
MIN_LABEL_SPELLING = 0.85  # ratio of difflib, from which a name is a misspelt label
MAX_NAME_LENGTH = 100  # characters
MAX_LABELS = 8192  # bounds the time of a rewrite, which compares a name with all labels
WORD = re.compile(r"[^\s,.;:!?。、]+")
TAIL = re.compile(r",| on | in ")  # what may follow a name: a style, a background
ARTICLE = re.compile("^an? ")
FOREIGN_ARTICLE = re.compile("^[A-Za-z]{2,4} ")  # or another short word: names are tried with and without it

# The words of captions that are not part of a label.
TEMPLATES = itertools.chain(
    *(
        captions.LABEL_TEMPLATES,
        captions.STANDALONE_TEMPLATES,
        captions.COUNT_TEMPLATES,
        captions.STYLE_TEMPLATES,
        captions.BACKGROUND_TEMPLATES,
        captions.PAIR_TEMPLATES,
    ),
    *(*captions.SIZE_WORDS.values(), *captions.PLACE_PHRASES.values(), *captions.RELATION_TEMPLATES.values()),
    *(
        weighted.options
        for weighted in (
            wording.STYLE_TEMPLATES,
            wording.DRAWN_STYLE_TEMPLATES,
            wording.GROUND_TEMPLATES,
            wording.GRADIENT_TEMPLATES,
            wording.PLACE_ALONE_TEMPLATES,
        )
    ),
    *(*wording.MATERIAL_TEMPLATES.values(), *wording.LOOK_TEMPLATES.values(), wording.MASHUP_TEMPLATES),
    *(*place_names.PLACE_PHRASES.values(), *place_names.PLACE_NOUNS.values()),
    *(*place_names.NIGHT_NOUNS.values(), place_names.NIGHT_PHRASES),
    *(COLOURS, STYLES.values(), NUMBER_WORDS.values(), (source.style for source in sources())),
)
TEMPLATE_WORDS = frozenset(word for template in TEMPLATES for word in split_words(template))


class PromptRewriter:
    """Rewrites prompts towards `labels`, captions of one object ("a red apple"); without any, not at all."""

    def __init__(self, labels: Sequence[str], embed: EmbedTexts):
        self.labels = tuple(dict.fromkeys(labels))[:MAX_LABELS]
        self._by_lower_case = {label.lower(): label for label in self.labels}
        plurals = (parse_noun(ARTICLE.sub("", label)).plural_noun or "" for label in self.labels)
        self._known_words = TEMPLATE_WORDS.union(*map(split_words, (*self.labels, *plurals)))
        self._embed = embed
        self._embeddings: Tensor | None = None  # (labels, E), at first use

    def rewrite(self, text: str) -> str:
        """The prompt with its name, up to the last unknown word, replaced by the nearest label.

        Unchanged where every word is known or no label is near.
        """
        normalized = unicodedata.normalize("NFKC", text)
        words = list(WORD.finditer(normalized))
        unknown = [word for word in words if not self._is_known(word[0])]
        if not self.labels or not unknown:
            return text
        last = unknown[-1].end()
        tail = TAIL.search(normalized, last)
        end = tail.start() if tail else len(normalized)
        if end > MAX_NAME_LENGTH:
            return text
        name = [word[0] for word in words if word.end() <= last and word[0].lower() not in ("a", "an")]
        # By majority: some words of a name in another language are English words too.
        is_foreign = 2 * len(unknown) > len(name)
        label = self._nearest_label(normalized[:end], is_foreign)
        return text if label is None else label + normalized[end:]

    def _is_known(self, word: str) -> bool:
        return all(not possible_singulars(part).isdisjoint(self._known_words) for part in split_words(word))

    def _nearest_label(self, name: str, is_foreign: bool) -> str | None:
        """The label with nearly the same spelling, else for a foreign name with nearly the same meaning."""
        for match in get_close_matches(name.lower(), self._by_lower_case, n=1, cutoff=MIN_LABEL_SPELLING):
            return self._by_lower_case[match]
        if not is_foreign:
            return None
        if self._embeddings is None:
            self._embeddings = self._embed(self.labels)
        variants = {name, FOREIGN_ARTICLE.sub("", name)}
        cosines = [self._embeddings @ self._embed([variant])[0] for variant in variants]
        cosine, index = torch.stack(cosines).amax(0).max(0)
        return self.labels[int(index)] if cosine >= MIN_LABEL_COSINE else None
