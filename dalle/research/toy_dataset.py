"""A small data set of encoded icons for ablations, and the baselines that are trained on it.

The data: some common concepts in all their styles, each icon alone on white with its plainest caption, such
as "a cat, noto style". The baselines: learnt concept embeddings in place of the text encoder, and a
conditional VAE without a flow.
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
from dalle.data.scenes.captions import plain_caption
from dalle.evaluation.eval_prompts import EVAL_SEED, EvalPrompt, IconPrompt, common_concepts, evenly_spaced
from dalle.evaluation.evaluator import Evaluator
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE
from dalle.pipeline.latents import initial_latents
from dalle.recipe import Recipe
from dalle.training.feature_cache import FeatureCache
from dalle.training.tasks import FlowTask


def icon_prompts(emoji: EmojiSet, count: int) -> list[list[IconPrompt]]:
    """For each of `count` common concepts, a prompt for its icon in each style."""
    icons: dict[int, list[int]] = defaultdict(list)
    for number, icon in enumerate(emoji.icons):
        icons[icon.concept].append(number)
    prompts = []
    for seed, index in enumerate(evenly_spaced(common_concepts(emoji), count), EVAL_SEED):
        concept = emoji.concepts[index]
        targets = frozenset({concept.canonical})
        styles = {emoji.icons[icon].style: icon for icon in icons[index]}
        prompts.append(
            [
                IconPrompt(plain_caption(concept, style), targets, style, seed, icon=icon)
                for style, icon in styles.items()
            ]
        )
    return prompts


class ToyDataset(FeatureCache):
    """The features and captions of all icons, in memory; also the tokenizer of ConceptEmbeddings."""

    def __init__(
        self, prompts_by_concept: Sequence[Sequence[IconPrompt]], features: np.ndarray, fold: int
    ) -> None:
        """`features` (M, N, C) float16 in the order of the prompts; a token holds `fold` x `fold` cells."""
        # Not super().__init__, which reads a folder.
        self.prompts_by_concept, self.features, self.fold = prompts_by_concept, features, fold
        prompts = [each for concept in prompts_by_concept for each in concept]
        self.captions = [each.text for each in prompts]
        names = [(min(each.targets), f"style:{each.category}") for each in prompts]
        vocabulary = ["", *dict.fromkeys(name for pair in names for name in pair)]
        self.token_ids = {name: number for number, name in enumerate(vocabulary)}
        self._tokens = {"": (0, 0)} | {
            caption: (self.token_ids[concept], self.token_ids[style])
            for caption, (concept, style) in zip(self.captions, names, strict=True)
        }

    @classmethod
    def encode(cls, evaluator: Evaluator, concepts: int) -> "ToyDataset":
        """Encode the icons of `concepts` concepts by the checkpoint's FeatureExtractor."""
        model = evaluator.pipeline.model
        prompts = icon_prompts(evaluator.emoji, concepts)
        icons = evaluator.render_icons([each.icon for concept in prompts for each in concept])
        features = evaluator.map_batches(model.extractor, icons, "encoding")
        return cls(prompts, features.numpy().astype(np.float16), model.config.autoencoder.fold)

    @property
    def eval_prompts(self) -> list[IconPrompt]:
        """One prompt of each concept; the styles take turns."""
        return [styles[i % len(styles)] for i, styles in enumerate(self.prompts_by_concept)]

    def refold(self, fold: int) -> "ToyDataset":
        """The same features with `fold` x `fold` cells in a token: (M, N', C') with N' C' = N C."""
        features = torch.from_numpy(self.features)
        side = int(features.shape[1] ** 0.5)
        cells = F.pixel_shuffle(features.mT.unflatten(2, (side, side)), self.fold)
        return ToyDataset(self.prompts_by_concept, F.pixel_unshuffle(cells, fold).flatten(2).mT.numpy(), fold)

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        """Captions of the data -> ids (B, 2) of concept and style; (0, 0) for the empty caption."""
        return torch.tensor([self._tokens[caption] for caption in captions])


class ConceptEmbeddings(nn.Module):
    """A learnt embedding for each concept and each style, in place of the TextEncoder.

    An upper bound of text conditioning: no caption can condition the flow better.
    """

    def __init__(self, count: int, config: TextConfig) -> None:
        super().__init__()
        # Named as in the TextEncoder: the trainer excludes `tokens` from Muon.
        self.tokens = nn.Embedding(count, config.width)
        self.embed = nn.Linear(config.width, config.embedding, bias=False)

    def forward(self, tokens: Tensor) -> Caption:
        """tokens (B, L >= 2) of `ToyDataset.tokenize`, padding ignored -> a Caption of two states."""
        states = self.tokens(tokens[:, :2])
        pooled = states.mean(1)
        mask = torch.ones_like(tokens[:, :2], dtype=torch.bool)
        return Caption(states, mask, pooled, F.normalize(self.embed(pooled).float(), dim=-1))


class ToyFlowTask(FlowTask):
    """FlowTask on the toy data; `joint`: the text encoder is trained too."""

    def __init__(self, pipeline: DALLE, dataset: ToyDataset, joint: bool = False) -> None:
        super().__init__(pipeline, dataset)
        self.text.requires_grad_(joint)

    def sample_grid(self) -> None:
        return None


class OneStepTask(ToyFlowTask):
    """A conditional VAE: features are decoded from code and caption in one evaluation, without a flow.

    It uses the network that predicts the flow's mean, and trains it by the squared error of the features.
    """

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """features (B, N, C), tokens (B, L) -> loss, metrics."""
        features, tokens = batch
        caption = self.text(tokens)
        posterior = self.normalizer.reader(features, caption)
        mean = self.normalizer.velocity.condition(caption, posterior.sample()).mean
        error = (mean - features).square().mean()
        metrics = {"error": error.detach(), "code_nats": posterior.nats().detach().sum()}
        return error + posterior.capacity_loss(self.code_nats), metrics


def draw_one_step(pipeline: DALLE, prompts: Sequence[EvalPrompt]) -> list[Image.Image]:
    """Images from a model trained by OneStepTask, without guidance."""
    latent = initial_latents([Recipe(each.text, seed=each.seed) for each in prompts], pipeline.model.config)
    latent = latent._replace(noise=torch.zeros_like(latent.noise))
    return images.to_images(pipeline.decode(latent, [each.text for each in prompts], steps=1))
