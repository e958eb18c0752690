"""Tokenizer and TextEncoder: captions to token states, which condition the flow, and to one vector each.

    captions  --Tokenizer-->  tokens (B, L)  --TextEncoder-->  Caption: states (B, L, D), pooled (B, D),
                                                               embedding (B, E)

B captions, L tokens, D the encoder's width, E the size of the space shared with the ImageTower. The empty
caption stands for no condition.
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
    """Byte-level BPE (arXiv:1508.07909) of lower-cased, NFKC-normalised text: every string has tokens."""

    def __init__(self, bpe: tokenizers.Tokenizer, length: int):
        """`length`: the most tokens of a caption, START and END included."""
        self.bpe = bpe
        self.length = length
        bpe.encode_special_tokens = True  # "<pad>" in a prompt is five characters
        bpe.enable_truncation(length)
        bpe.enable_padding(pad_id=0, pad_token=PAD)

    @classmethod
    def train(cls, corpus: Iterable[str], vocabulary: int, length: int) -> "Tokenizer":
        """Learn `vocabulary` tokens from texts; deterministic."""
        bpe = _empty_bpe()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        bpe.train_from_iterator(corpus, trainer)
        return cls(bpe, length)

    @classmethod
    def load(cls, path: Path, config: TextConfig) -> "Tokenizer":
        """Read a file that `save` wrote; raises ValueError where it is none, or of another network.

        Only the file's vocabulary is trusted: with other rules a hostile file could make tokenizing take
        forever or give any token numbers.
        """
        try:
            bpe = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises bare Exception
            raise ValueError(f"{path} is no tokenizer: {error}") from None
        special_ids = [bpe.token_to_id(name) for name in (PAD, START, END)]
        is_foreign = special_ids != [0, 1, 2] or max(bpe.get_vocab().values()) >= config.vocabulary
        if is_foreign or _rules(bpe) != _rules(_empty_bpe()):
            raise ValueError(f"{path} is the tokenizer of another network")
        return cls(bpe, config.length)

    def save(self, path: Path) -> None:
        path.write_text(self.bpe.to_str(pretty=False), encoding="utf-8")

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """captions -> tokens (B, L) int64, 0 after the end; L is the longest caption's, at most `length`."""
        return torch.tensor([encoding.ids for encoding in self.bpe.encode_batch(list(captions))])

    def overflow(self, caption: str) -> str:
        """The end of `caption` that is cut off by `length`; empty where the whole caption fits."""
        encoding = self.bpe.encode(caption)
        if not encoding.overflowing:
            return ""
        return caption[max(end for _, end in encoding.offsets) :].strip()


def _empty_bpe() -> tokenizers.Tokenizer:
    """The rules of every Tokenizer, without a vocabulary."""
    bpe = tokenizers.Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = decoders.ByteLevel()
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, 1), (END, 2)]
    )
    return bpe


def _rules(bpe: tokenizers.Tokenizer) -> list[object]:
    """All of a tokenizer but its vocabulary, in comparable form."""
    parts = json.loads(bpe.to_str())
    model = {name: value for name, value in parts["model"].items() if name not in ("vocab", "merges")}
    return [model, *(parts[name] for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder"))]


class Caption(NamedTuple):
    """B encoded captions.

    The states depend on a caption's wording. The embedding is nearly the same for all names of a thing, in
    all languages (as the image embedding of unCLIP, arXiv:2204.06125).
    """

    states: Tensor  # (B, L, D)
    mask: Tensor  # (B, L) bool, True at real tokens
    pooled: Tensor  # (B, D), mean of the real states
    embedding: Tensor  # (B, E), unit vectors in the space shared with the ImageTower


class TextEncoder(nn.Module):
    """A small bidirectional transformer over byte-pair tokens."""

    def __init__(self, config: TextConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocabulary, config.width, padding_idx=0)
        self.positions = nn.Parameter(0.2 * torch.randn(config.length, config.width))
        self.blocks = nn.ModuleList(TransformerBlock(config.width, config.heads) for _ in range(config.depth))
        self.norm = RMSNorm(config.width)
        self.embed = nn.Linear(config.width, config.embedding, bias=False)
        # As large as what the blocks add. With small ones the encodings of all captions begin nearly equal,
        # and their differences have to be learnt first.
        nn.init.normal_(self.tokens.weight)
        with torch.no_grad():
            self.tokens.weight[0].zero_()

    def forward(self, tokens: Tensor) -> Caption:
        """tokens (B, L) int64, 0 is padding -> Caption."""
        mask = tokens != 0
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, mask[:, None, None])
        states = self.norm(x)
        weights = mask.to(states.dtype)[..., None]
        pooled = (states * weights).sum(1) / weights.sum(1)
        return Caption(states, mask, pooled, F.normalize(self.embed(pooled).float(), dim=-1))
