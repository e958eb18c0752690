"""The tasks of pre-training: data set, collation, loss and sample grid of each phase.

1. autoencoder  FeatureExtractor and Generator: reconstruction and a small KL term
2. text         TextEncoder and ImageTower, contrastively (CLIP), with a sentence-embedding teacher
3. synonyms     TextEncoder alone: other words, in all languages, for what it knows
4. flow         Normalizer, on features of the frozen FeatureExtractor
5. generator    Generator alone, with a perceptual term; the features stay as they are
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle import images
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.facts import Fact
from dalle.data.scenes.scene_dataset import HasPixels, Sample, SceneDataset, image_batch, pixel_batch
from dalle.networks.autoencoder import FeatureExtractor, Generator, reconstruction_loss
from dalle.networks.discriminator import PatchDiscriminator
from dalle.networks.image_tower import contrastive_loss
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.feature_cache import CachedSample
from dalle.training.synonyms import SynonymDataset, SynonymSample
from dalle.training.task import Task
from dalle.training.text_teacher import Teacher

KL_WEIGHT = 0.004  # of the KL in nats per number, beside an L1 loss of about 0.05
PERCEPTUAL_WEIGHT = 0.1  # of the tower's distance, beside the reconstruction loss
ADVERSARIAL_WEIGHT = 0.02  # of the discriminator's verdict, where it is used
TEACHER_WEIGHT = 2.0  # of the teacher's cosine distance, beside the contrastive loss
CAPTION_DISTILLATION_WEIGHT = 4.0  # of the change of other captions' states, beside the contrastive loss
SYNONYM_STATE_WEIGHT = 4.0  # of the distance between a synonym's states and its label's
CAPTION_TOKENS = 24  # length of training captions; one in a hundred is longer and truncated
SYNONYM_TOKENS = 16  # length of synonyms, likewise
CAPTION_DROPOUT_EVERY = 10  # one caption in 10 is empty, for guidance
GRID_COLUMNS = 16  # pictures in a sample grid of reconstructions
GRID_PROMPTS = (
    "a red apple",
    "a dog",
    "a house",
    "an owl, noto style",
    "a pizza, twemoji style",
    "a green car",
    "a tree on a blue background",
    "three cats",
    "a cat to the left of a ball",
    "a smiling face",
    "ein Hund",
    "苹果",
)


def positive_pairs(samples: Sequence[Sample]) -> Tensor:
    """(B, B) bool: whether all facts that caption i states hold in picture j.

    Besides its own picture a caption may be true of others in the batch; those are positives as well.
    """
    stated = frozenset[Fact]().union(*(sample.scene.caption_facts for sample in samples))
    columns = {fact: column for column, fact in enumerate(stated)}
    says = torch.zeros(len(samples), len(columns))
    has = torch.zeros(len(samples), len(columns))
    for row, sample in enumerate(samples):
        says[row, [columns[fact] for fact in sample.scene.caption_facts]] = 1
        has[row, [columns[fact] for fact in sample.scene.facts & stated]] = 1
    return says @ has.T >= says.sum(1, keepdim=True)


def reconstruction_grid(
    extractor: FeatureExtractor, generator: Generator, dataset: Dataset[HasPixels]
) -> Image.Image:
    pictures = image_batch([dataset[i] for i in range(GRID_COLUMNS)]).to(extractor.mean.device)
    output = generator.decode_raw(extractor.posterior(pictures).mean)
    return images.grid(images.to_images(torch.cat([pictures, output])), columns=GRID_COLUMNS)


def autoencoder_loss(
    extractor: FeatureExtractor, generator: Generator, pictures: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Reconstruction loss of pictures (B, 3, S, S) and KL_WEIGHT times the KL; -> scalar, metrics."""
    posterior = extractor.posterior(pictures)
    output = generator.decode_raw(posterior.sample())
    reconstruction, nats = reconstruction_loss(output, pictures), posterior.kl()
    parts = {"nats": nats.detach(), "psnr": images.psnr(output.detach(), pictures).mean()}
    return reconstruction + KL_WEIGHT * nats, parts


def fit_scale(extractor: FeatureExtractor, generator: Generator, means: Sequence[Tensor]) -> None:
    """Set the scale of both networks' features from raw means of pictures, each (b, channels, H, W)."""
    for network in (extractor, generator):
        network.fit_scale(torch.cat(list(means)))


class AutoencoderTask(Task):
    """Phase 1: a variational autoencoder; reconstruction loss and KL_WEIGHT times the KL."""

    def __init__(self, model: DALLEModel, dataset: Dataset[HasPixels], plain: Dataset[HasPixels]):
        """Trains on `dataset`, and fits the scale of the features to `plain`, as the flow sees them."""
        super().__init__()
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(True)
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.dataset, self.plain = dataset, plain

    def collate(self, samples: list[HasPixels]) -> Tensor:
        return pixel_batch(samples)

    def forward(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return autoencoder_loss(self.extractor, self.generator, images.from_pixels(pixels))

    @torch.no_grad()
    def standardise(self, count: int = 2048) -> None:
        """After training: fit the features' mean and scale on `count` scenes drawn as for the flow."""
        means = []
        for start in range(0, count, 64):
            samples = [self.plain[i] for i in range(start, start + 64)]
            pictures = image_batch(samples).to(self.extractor.mean.device)
            means.append(self.extractor.posterior(pictures).mean)
        fit_scale(self.extractor, self.generator, means)

    def sample_grid(self) -> Image.Image:
        """Pictures, and below them their reconstructions."""
        return reconstruction_grid(self.extractor, self.generator, self.dataset)


class TextTask(Task):
    """Phase 2: contrastive captions and pictures (CLIP, arXiv:2103.00020), and distillation of the teacher's
    embeddings of English words.
    """

    def __init__(self, model: DALLEModel, composer: Composer, teacher: Teacher):
        super().__init__()
        self.text = model.text.requires_grad_(True)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(True)
        self.lesson = nn.Linear(model.config.text.width, teacher.embeddings.shape[1], bias=False)
        self.tokenizer, self.teacher = model.tokenizer, teacher
        self.dataset = SceneDataset(composer)

    def collate(self, samples: list[Sample]) -> tuple[Tensor, ...]:
        """-> pictures, caption tokens, positive pairs (B, B), word tokens, the teacher's word embeddings."""
        pictures = self.tower.resize(image_batch(samples))
        tokens = self.tokenizer([sample.scene.caption for sample in samples])
        words, embeddings = self.teacher.batch(samples[0].index // len(samples), len(samples))
        return pictures, tokens, positive_pairs(samples), self.tokenizer(words), embeddings

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, tokens, same, words, embeddings = batch
        contrast, parts = self.tower.loss(self.text(tokens).embedding, pictures, same)
        taught = nn.functional.cosine_similarity(self.lesson(self.text(words).pooled).float(), embeddings)
        return contrast + TEACHER_WEIGHT * (1 - taught.mean()), parts | {"taught": taught.detach().mean()}


class SynonymTask(Task):
    """Phase 3: gives synonyms the embedding and states of their label, and keeps those of other captions.

    It needs no pictures, and a flow that was trained before stays valid: the states of captions are held to
    those of a frozen copy (distillation). Texts differ in length, so a summary of the states is compared: the
    first, the last and the mean.
    """

    def __init__(self, model: DALLEModel, dataset: SynonymDataset):
        super().__init__()
        self.text = model.text.requires_grad_(True)
        self.text.embed.requires_grad_(False)  # the projection into the tower's space stays fixed
        self.before = copy.deepcopy(model.text).requires_grad_(False)
        self.tower = model.tower.requires_grad_(False)
        self.tokenizer, self.dataset = model.tokenizer, dataset

    def collate(self, samples: list[SynonymSample]) -> tuple[Tensor, ...]:
        """-> tokens of synonyms and of labels, equal labels (B, B), tokens of B / 2 unrelated captions."""
        texts, labels, captions = zip(*samples, strict=True)
        same = torch.tensor([[label == other for other in labels] for label in labels])
        texts, labels = (self.tokenizer(each)[:, :SYNONYM_TOKENS] for each in (texts, labels))
        return texts, labels, same, self.tokenizer(captions[::2])[:, :CAPTION_TOKENS]

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        texts, labels, same, captions = batch
        with torch.no_grad():
            label, caption = self.before(labels), self.before(captions)
        synonym, current = self.text(texts), self.text(captions)
        logits = self.tower.logits(synonym.embedding, label.embedding)
        matched = contrastive_loss(logits, same)
        apart = (_state_summary(synonym) - _state_summary(label)).square().mean()
        moved = (current.states - caption.states)[caption.mask].square().mean()
        parts = {"matched": matched.detach(), "apart": apart.detach(), "moved": moved.detach()}
        return matched + SYNONYM_STATE_WEIGHT * apart + CAPTION_DISTILLATION_WEIGHT * moved, parts


def _state_summary(caption: Caption) -> Tensor:
    """First state, last state and mean of a caption's states: (B, 3, D)."""
    last = caption.mask.sum(1, keepdim=True) - 1
    ending = caption.states.take_along_dim(last[..., None], 1)
    return torch.cat([caption.states[:, :1], ending, caption.pooled[:, None]], 1)


class FlowTask(Task):
    """Phase 4: flow matching on cached features, with caption dropout for guidance (arXiv:2207.12598).

    The TextEncoder stays frozen: when it was trained jointly from the start, its states changed faster than
    the flow could follow.
    """

    def __init__(self, pipeline: DALLE, dataset: Dataset[CachedSample]):
        super().__init__()
        model = pipeline.model
        self.text = model.text.requires_grad_(False)
        self.normalizer = model.normalizer.requires_grad_(True)
        self.tokenizer, self.dataset = model.tokenizer, dataset
        self.code_nats = model.config.flow.code_nats
        self.draw = pipeline.draw

    def collate(self, entries: list[CachedSample]) -> tuple[Tensor, Tensor]:
        """-> features (B, N, C), tokens (B, CAPTION_TOKENS): a fixed length, for a single compiled graph."""
        captions = ["" if entry.index % CAPTION_DROPOUT_EVERY == 0 else entry.caption for entry in entries]
        tokens = self.tokenizer(captions)[:, :CAPTION_TOKENS]
        tokens = nn.functional.pad(tokens, (0, CAPTION_TOKENS - tokens.shape[1]))
        features = torch.from_numpy(np.stack([entry.features for entry in entries]))
        return features.float(), tokens

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        features, tokens = batch
        return self.normalizer.loss(features, self.text(tokens), self.code_nats)

    def sample_grid(self) -> Image.Image:
        """Pictures of GRID_PROMPTS, one row for each of two fixed seeds."""
        recipes = [Recipe(prompt, seed=seed) for seed in (1, 2) for prompt in GRID_PROMPTS]
        return images.grid([picture.image for picture in self.draw(recipes)], columns=len(GRID_PROMPTS))


class GeneratorTask(Task):
    """Phase 5: a sharper Generator by perceptual and adversarial terms (VQGAN, arXiv:2012.09841).

    Extractor and flow stay as they are. Terms of weight 0 are left out, and with the adversarial one the
    discriminator: the default, since in short trainings it produces a grid pattern (RESEARCH.md).
    """

    def __init__(
        self,
        model: DALLEModel,
        composer: Composer,
        perceptual: float = PERCEPTUAL_WEIGHT,
        adversarial: float = 0.0,
    ):
        super().__init__()
        self.perceptual, self.adversarial = perceptual, adversarial
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(False)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(False)
        self.critic = PatchDiscriminator().to(memory_format=torch.channels_last) if adversarial else None
        self.dataset = SceneDataset(composer, anywhere=True)

    def collate(self, samples: list[Sample]) -> Tensor:
        return pixel_batch(samples)

    def forward(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        pictures = images.from_pixels(pixels)
        with torch.no_grad():
            raw = self.extractor.posterior(pictures).sample()
        output = self.generator.decode_raw(raw)
        loss = reconstruction_loss(output, pictures)
        parts = {"reconstruction": loss.detach()}
        if self.perceptual:
            perceptual = self.tower.distance(output, pictures)
            loss = loss + self.perceptual * perceptual
            parts["perceptual"] = perceptual.detach()
        if self.critic:
            passing, telling = self.critic.losses(pictures, output)
            loss = loss + self.adversarial * passing + telling
            parts["telling"] = telling.detach()
        return loss, parts | {"psnr": images.psnr(output.detach(), pictures).mean()}

    def sample_grid(self) -> Image.Image:
        """Pictures, and below them their reconstructions."""
        return reconstruction_grid(self.extractor, self.generator, self.dataset)
