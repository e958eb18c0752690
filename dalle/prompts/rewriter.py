"""Glossary: a name that the flow hardly knows, read as the caption that it knows best.

Most captions that a flow learns from are English labels. Its TextEncoder knows more: a name in another
language, a keyword or a misspelt word lies near the label of the same thing in the space shared with
pictures. So a name that is strange to such captions is read as the nearest label, where one is near:
"manzana roja, noto style" as "a red apple, noto style". Prompts turned into captions like those of the
training are DALL·E 3's idea (Betker et al., Improving Image Generation with Better Captions, 2023).
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
from dalle.data.scenes.english import NUMBERS, noun
from dalle.prompts.vocabulary import Embed, split, stems

NEAR = 0.6  # of a cosine, from which a label is meant
SLIP = 0.85  # of difflib's ratio, from which a label is misspelt
LONGEST = 100  # characters of a name
MOST = 8192  # labels: all are compared
WORD = re.compile(r"[^\s,.;:!?。、]+")
TAIL = re.compile(r",| on | in ")  # what may follow a name: a style, a background
ARTICLE = re.compile("^an? ")
FOREIGN_ARTICLE = re.compile("^[A-Za-z]{2,4} ")  # or another short word: names are tried with and without it

# What captions are made of, beside labels.
TEMPLATES = itertools.chain(
    *(captions.LABELLED, captions.LONE, captions.COUNTED, captions.STYLED, captions.BACKED, captions.JOINED),
    *(*captions.SIZED.values(), *captions.PLACED.values(), *captions.RELATED.values()),
    *(COLOURS, STYLES.values(), NUMBERS.values()),
)
SCAFFOLD = frozenset(word for template in TEMPLATES for word in split(template))


class PromptRewriter:
    """Knows `labels`, captions of one thing each ("a red apple"); without any, all is read as it stands."""

    def __init__(self, labels: Sequence[str], embed: Embed):
        self.labels = tuple(dict.fromkeys(labels))[:MOST]
        self._lower = {label.lower(): label for label in self.labels}
        plurals = (noun(ARTICLE.sub("", label)).many or "" for label in self.labels)
        self._known = SCAFFOLD.union(*map(split, (*self.labels, *plurals)))
        self._embed = embed
        self._vectors: Tensor | None = None

    def read(self, text: str) -> str:
        """The text as the flow is told it: as it stands, or with a label in the place of a strange name."""
        plain = unicodedata.normalize("NFKC", text)
        words = list(WORD.finditer(plain))
        strange = [word for word in words if not self._knows(word[0])]
        if not self.labels or not strange:
            return text
        last = strange[-1].end()
        tail = TAIL.search(plain, last)
        end = tail.start() if tail else len(plain)
        before = [word[0] for word in words if word.end() <= last and word[0].lower() not in ("a", "an")]
        # Some words of a name in another language happen to be English ones.
        label = self._nearest(plain[:end], foreign=2 * len(strange) > len(before)) if end <= LONGEST else None
        return text if label is None else label + plain[end:]

    def _knows(self, word: str) -> bool:
        return all(not stems(part).isdisjoint(self._known) for part in split(word))

    def _nearest(self, name: str, foreign: bool) -> str | None:
        """The label that is spelt nearly so, or that a name in another language means; None: neither."""
        for near in get_close_matches(name.lower(), self._lower, n=1, cutoff=SLIP):
            return self._lower[near]
        if not foreign:
            return None
        if self._vectors is None:
            self._vectors = self._embed(self.labels)
        names = {name, FOREIGN_ARTICLE.sub("", name)}
        score, best = torch.stack([self._vectors @ self._embed([one])[0] for one in names]).amax(0).max(0)
        return self.labels[int(best)] if score >= NEAR else None
