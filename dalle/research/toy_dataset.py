"""A small world for experiments: some common concepts in all their styles, and flows that learn them.

Every drawing stands alone on white, is encoded once, and has its plainest caption: "a cat, noto style".
Beside FlowTask stands what it is compared with: a vector for each thing in the text encoder's place, and the
plain VAE with a caption, whose normal latent becomes features at once, without a flow.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from dalle import images
from dalle.config import TextConfig
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import prompt
from dalle.evaluation.eval_prompts import SEED, EvalPrompt, common_concepts, evenly_spaced
from dalle.evaluation.evaluator import Evaluator
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.feature_cache import FeatureCache
from dalle.training.tasks import FlowTask


def drawings(emoji: EmojiSet, concepts: int) -> list[list[EvalPrompt]]:
    """Common concepts; of each all drawings, every one as a question that names its style."""
    icons: dict[int, list[int]] = defaultdict(list)
    for number, icon in enumerate(emoji.icons):
        icons[icon.concept].append(number)
    found = []
    for index in evenly_spaced(common_concepts(emoji), concepts):
        concept, seed = emoji.concepts[index], SEED + len(found)
        right = frozenset({concept.base})
        styles = {emoji.icons[icon].style: icon for icon in icons[index]}
        found.append([EvalPrompt(prompt(concept, s), right, s, seed, icon) for s, icon in styles.items()])
    return found


class ToyDataset(FeatureCache):
    """The features of all drawings: a bank in memory."""

    def __init__(self, drawings: Sequence[Sequence[EvalPrompt]], features: np.ndarray, fold: int):
        """features (M, N, C) float16, `fold` x `fold` cells a token, in the order of the drawings."""
        self.drawings, self.features, self.fold = drawings, features, fold
        self.captions = [drawing.prompt for concept in drawings for drawing in concept]
        facts = [(min(d.right), f"style:{d.topic}") for concept in drawings for d in concept]
        names = ["", *dict.fromkeys(name for pair in facts for name in pair)]
        self.names = {name: number for number, name in enumerate(names)}  # of all that captions tell apart
        self._numbers = {"": (0, 0)} | {
            caption: (self.names[thing], self.names[style])
            for caption, (thing, style) in zip(self.captions, facts, strict=True)
        }

    @classmethod
    def of(cls, exam: Evaluator, concepts: int) -> "ToyDataset":
        """As the examined model sees it."""
        found = drawings(exam.emoji, concepts)
        icons = exam.icons([drawing.icon for concept in found for drawing in concept])
        features = exam.over(exam.model.extractor, icons, "encoding")
        return cls(found, features.numpy().astype(np.float16), exam.model.config.autoencoder.fold)

    @property
    def asked(self) -> list[EvalPrompt]:
        """One drawing of each concept, of the styles in turn."""
        return [drawings[position % len(drawings)] for position, drawings in enumerate(self.drawings)]

    def folded(self, fold: int) -> "ToyDataset":
        """The same with `fold` x `fold` cells a token."""
        features = torch.from_numpy(self.features)
        side = int(features.shape[1] ** 0.5)
        cells = F.pixel_shuffle(features.mT.unflatten(2, (side, side)), self.fold)
        return ToyDataset(self.drawings, F.pixel_unshuffle(cells, fold).flatten(2).mT.numpy(), fold)

    def numbers(self, captions: Sequence[str]) -> Tensor:
        """In a tokenizer's place: captions -> (B, 2), the numbers of thing and style; 0, 0 for no caption."""
        return torch.tensor([self._numbers[caption] for caption in captions])


class ConceptVectors(nn.Module):
    """In the TextEncoder's place: a vector for each thing and each style, free to be anything.

    How well a flow follows these is how well it could follow any caption.
    """

    def __init__(self, count: int, config: TextConfig):
        super().__init__()
        # So named that, as the encoder's, Muon leaves it alone.
        self.tokens = nn.Embedding(count, config.width)
        self.embed = nn.Linear(config.width, config.embedding, bias=False)

    def forward(self, tokens: Tensor) -> Caption:
        """tokens (B, L) of `World.numbers`, whatever they are padded with -> a Caption of two states."""
        states = self.tokens(tokens[:, :2])
        pooled = states.mean(1)
        mask = torch.ones_like(tokens[:, :2], dtype=torch.bool)
        return Caption(states, mask, pooled, F.normalize(self.embed(pooled).float(), dim=-1))


class ToyFlowTask(FlowTask):
    """FlowTask in a small world; `along`: what reads the captions is trained too."""

    def __init__(self, model: DALLE, world: ToyDataset, along: bool = False):
        super().__init__(model, world)
        self.text.requires_grad_(along)

    def sheet(self) -> None:
        return None


class OneStepTask(ToyFlowTask):
    """The plain VAE with a caption: the same networks turn code and caption into features in one evaluation.

    It is the mean that the flow begins with, and nothing after it.
    """

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        features, tokens = batch
        caption = self.text(tokens)
        posterior = self.normalizer.reader(features, caption)
        drawn = self.normalizer.velocity.given(caption, posterior.sample()).mean
        error = (drawn - features).square().mean()
        parts = {"error": error.detach(), "code_nats": posterior.nats().detach().sum()}
        return error + posterior.capacity_loss(self.code_nats), parts


def draw_one_step(model: DALLE, asked: Sequence[EvalPrompt]) -> list[Image.Image]:
    """What a model that OneStepTask trained draws, unguided."""
    latent = model.latent([Recipe(question.prompt, seed=question.seed) for question in asked])
    latent = latent._replace(noise=torch.zeros_like(latent.noise))
    return images.to_images(model.decode(latent, [question.prompt for question in asked], steps=1))
