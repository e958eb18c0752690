"""TextEncoder: a caption to token states that steer the flow, and to one vector beside the ImageTower's.

    captions  --Tokenizer-->  tokens (B, L)  --TextEncoder-->  Caption: states (B, L, D), pooled (B, D),
                                                               embedding (B, E)

B captions, L tokens, D the encoder's width, E that of the space shared with the ImageTower. The empty caption
is the unconditional one.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import tokenizers
import torch
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from torch.nn import functional as F

from dalle.config import TextConfig
from dalle.networks.layers import RMSNorm, TransformerBlock

PAD, START, END = "<pad>", "<start>", "<end>"


class Tokenizer:
    """Byte-level BPE (arXiv:1508.07909) over lower-cased, NFKC-normalised text: any string has tokens."""

    def __init__(self, inner: tokenizers.Tokenizer, length: int):
        self.inner = inner
        self.length = length
        inner.encode_special_tokens = True  # "<pad>" in a prompt is five letters
        inner.enable_truncation(length)
        inner.enable_padding(pad_id=0, pad_token=PAD)

    @classmethod
    def train(cls, corpus: Iterable[str], vocabulary: int, length: int) -> "Tokenizer":
        inner = _untrained()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        inner.train_from_iterator(corpus, trainer)
        return cls(inner, length)

    @classmethod
    def load(cls, path: Path, config: TextConfig) -> "Tokenizer":
        """Raises ValueError where the file is no tokenizer, or another network's.

        Nothing but its words is believed: another's rules could take for ever, or give any numbers.
        """
        try:
            inner = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ValueError(f"{path} is no tokenizer: {error}") from None
        special = [inner.token_to_id(name) for name in (PAD, START, END)]
        foreign = special != [0, 1, 2] or max(inner.get_vocab().values()) >= config.vocabulary
        if foreign or _rules(inner) != _rules(_untrained()):
            raise ValueError(f"{path} is the tokenizer of another network")
        return cls(inner, config.length)

    def save(self, path: Path) -> None:
        path.write_text(self.inner.to_str(pretty=False), encoding="utf-8")

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """captions -> tokens (B, L) int64, 0 after the end; L is the longest's, at most `length`."""
        return torch.tensor([encoding.ids for encoding in self.inner.encode_batch(list(captions))])

    def overflow(self, caption: str) -> str:
        """The end of `caption` that is too long to be read; empty where all is read."""
        encoding = self.inner.encode(caption)
        if not encoding.overflowing:
            return ""
        return caption[max(end for _, end in encoding.offsets) :].strip()


def _untrained() -> tokenizers.Tokenizer:
    """The rules of every tokenizer, without words."""
    inner = tokenizers.Tokenizer(models.BPE())
    inner.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    inner.decoder = decoders.ByteLevel()
    inner.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 1), (END, 2)]
    )
    return inner


def _rules(inner: tokenizers.Tokenizer) -> list[object]:
    """How a tokenizer treats any text, whatever words it knows."""
    parts = json.loads(inner.to_str())
    model = {name: value for name, value in parts["model"].items() if name not in ("vocab", "merges")}
    return [model, *(parts[name] for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder"))]


class Caption(NamedTuple):
    """What the flow is told; `mask` (B, L) is True at real tokens.

    States differ with a caption's wording; the embedding, a unit vector in the space shared with the
    ImageTower, is nearly the same however a thing is named, in whatever language (unCLIP, arXiv:2204.06125).
    """

    states: Tensor
    mask: Tensor
    pooled: Tensor
    embedding: Tensor


class TextEncoder(nn.Module):
    """A small bidirectional transformer over byte-pair tokens."""

    def __init__(self, config: TextConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        self.positions = nn.Parameter(0.2 * torch.randn(config.length, config.width))
        self.blocks = nn.ModuleList(TransformerBlock(config.width, config.heads) for _ in range(config.depth))
        self.norm = RMSNorm(config.width)
        self.embed = nn.Linear(config.width, config.embedding, bias=False)
        # As large as what the blocks add, so that words begin far apart: from small ones all captions come
        # out nearly the same, and what tells them apart has to be learnt.
        nn.init.normal_(self.tokens.weight)
        with torch.no_grad():
            self.tokens.weight[0].zero_()

    def forward(self, tokens: Tensor) -> Caption:
        """tokens (B, L) -> states, mask, pooled: the mean of the real states, embedding."""
        mask = tokens != 0
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, mask[:, None, None])
        states = self.norm(x)
        weights = mask.to(states.dtype)[..., None]
        pooled = (states * weights).sum(1) / weights.sum(1)
        return Caption(states, mask, pooled, F.normalize(self.embed(pooled).float(), dim=-1))
