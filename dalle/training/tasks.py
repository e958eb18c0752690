"""What each phase of training minimises, on composed scenes: autoencoder, generator, text, flow.

1. autoencoder  FeatureExtractor and Generator: reconstruction and a small KL
2. text         TextEncoder beside the ImageTower, contrastively; a sentence-embedding teacher
3. synonyms     TextEncoder alone: other ways to say what it knows, in every language
4. flow         Normalizer on features
5. generator    the Generator alone, with a perceptual term; features stay as they are
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from dalle import images
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.scene_dataset import Sample, SceneDataset, pictures_of, pixels_of
from dalle.networks.autoencoder import FeatureExtractor, Generator, reconstruction_loss
from dalle.networks.discriminator import PatchDiscriminator
from dalle.networks.image_tower import contrastive_loss
from dalle.networks.text_encoder import Caption
from dalle.pipeline.dalle import DALLE
from dalle.recipe import Recipe
from dalle.training.feature_cache import Entry, FeatureCache
from dalle.training.synonyms import SynonymDataset, SynonymSample
from dalle.training.text_teacher import Teacher

KL_WEIGHT = 0.004  # of nats a number, beside an L1 of about 0.05
PERCEPTUAL_WEIGHT = 0.1  # of the tower's distance, beside the reconstruction
ADVERSARIAL_WEIGHT = 0.02  # where it is wanted
TEACHER_WEIGHT = 2.0  # of the teacher's cosine distance, beside the contrastive loss
CAPTION_DISTILLATION_WEIGHT = (
    4.0  # of how far a caption's states may move for synonyms' sake, beside the contrastive loss
)
MEANT_WEIGHT = 4.0  # of how far a synonym's states are from its label's
CAPTION = 24  # tokens of a training caption; longer ones are cut, one in a hundred
SYNONYM = 16  # tokens of a synonym, the same
CAPTION_DROPOUT_EVERY = 10  # one caption in so many is empty
SHEET = 16  # pictures a sample sheet
SHEET_PROMPTS = (
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
    """(B, B) bool: all that caption i says is so in picture j."""
    facts = {fact: i for i, fact in enumerate(sorted(set().union(*(s.scene.says for s in samples))))}
    says = torch.zeros(len(samples), len(facts))
    has = torch.zeros(len(samples), len(facts))
    for row, sample in enumerate(samples):
        says[row, [facts[fact] for fact in sample.scene.says]] = 1
        has[row, [facts[fact] for fact in sample.scene.has if fact in facts]] = 1
    return says @ has.T >= says.sum(1, keepdim=True)


def reconstruction_sheet(
    extractor: FeatureExtractor, generator: Generator, scenes: SceneDataset
) -> Image.Image:
    pictures = pictures_of([scenes[i] for i in range(SHEET)]).to(extractor.mean.device)
    output = generator.paint(extractor.posterior(pictures).mean)
    return images.grid(images.to_images(torch.cat([pictures, output])), columns=SHEET)


class AutoencoderTask(nn.Module):
    """Phase 1: pictures through a noisy bottleneck and back."""

    def __init__(self, model: DALLE, composer: Composer, anywhere: bool = True):
        super().__init__()
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(True)
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.dataset, self.plain = SceneDataset(composer, anywhere), SceneDataset(composer)

    def collate(self, samples: list[Sample]) -> Tensor:
        return pixels_of(samples)

    def forward(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        pictures = images.from_pixels(pixels)
        posterior = self.extractor.posterior(pictures)
        output = self.generator.paint(posterior.sample())
        reconstruction, nats = reconstruction_loss(output, pictures), posterior.kl()
        parts = {"nats": nats.detach(), "psnr": images.psnr(output.detach(), pictures).mean()}
        return reconstruction + KL_WEIGHT * nats, parts

    @torch.no_grad()
    def standardise(self, count: int = 2048) -> None:
        """Fix the scale of the features, once the networks are trained: of scenes as the flow sees them."""
        means = []
        for start in range(0, count, 64):
            samples = [self.plain[i] for i in range(start, start + 64)]
            pictures = pictures_of(samples).to(self.extractor.mean.device)
            means.append(self.extractor.posterior(pictures).mean)
        for network in (self.extractor, self.generator):
            network.standardise(torch.cat(means))

    def sheet(self) -> Image.Image:
        """Pictures above their reconstructions."""
        return reconstruction_sheet(self.extractor, self.generator, self.dataset)


class TextTask(nn.Module):
    """Phase 2: captions beside pictures (arXiv:2103.00020), and English words where a teacher puts them."""

    def __init__(self, model: DALLE, composer: Composer, teacher: Teacher):
        super().__init__()
        self.text = model.text.requires_grad_(True)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(True)
        self.lesson = nn.Linear(model.config.text.width, teacher.embeddings.shape[1], bias=False)
        self.tokenizer, self.teacher = model.tokenizer, teacher
        self.dataset = SceneDataset(composer)

    def collate(self, samples: list[Sample]) -> tuple[Tensor, ...]:
        """-> pictures, caption tokens, which captions are true of which pictures; words, their embeddings."""
        pictures = self.tower.shrunk(pictures_of(samples))
        tokens = self.tokenizer([sample.scene.caption for sample in samples])
        words, embeddings = self.teacher.lesson(samples[0].index // len(samples), len(samples))
        return pictures, tokens, positive_pairs(samples), self.tokenizer(words), embeddings

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        pictures, tokens, same, words, embeddings = batch
        contrast, parts = self.tower.match(self.text(tokens).embedding, pictures, same)
        taught = nn.functional.cosine_similarity(self.lesson(self.text(words).pooled).float(), embeddings)
        return contrast + TEACHER_WEIGHT * (1 - taught.mean()), parts | {"taught": taught.detach().mean()}

    def sheet(self) -> None:
        return None


class SynonymTask(nn.Module):
    """Phase 3: what else a thing is called means the same, while every other caption means what it meant.

    It needs no pictures, and a flow that was trained before it can go on: states that captions already have
    stay where they are, and a synonym's come to its label's. Texts differ in length, so that it is the first
    state, the last, and their mean that are compared.
    """

    def __init__(self, model: DALLE, sayings: SynonymDataset):
        super().__init__()
        self.text = model.text.requires_grad_(True)
        self.text.embed.requires_grad_(False)  # what is shared with the tower stays as it is
        self.before = copy.deepcopy(model.text).requires_grad_(False)
        self.tower = model.tower.requires_grad_(False)
        self.tokenizer, self.dataset = model.tokenizer, sayings

    def collate(self, said: list[SynonymSample]) -> tuple[Tensor, ...]:
        """-> tokens of synonyms, of their labels, which labels are the same, and of half as many captions."""
        texts, labels, captions = zip(*said, strict=True)
        alike = torch.tensor([[label == other for other in labels] for label in labels])
        texts, labels = (self.tokenizer(said)[:, :SYNONYM] for said in (texts, labels))
        return texts, labels, alike, self.tokenizer(captions[::2])[:, :CAPTION]

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        texts, labels, alike, captions = batch
        with torch.no_grad():
            label, caption = self.before(labels), self.before(captions)
        said, kept = self.text(texts), self.text(captions)
        logits = self.tower.logits(said.embedding, label.embedding)
        matched = contrastive_loss(logits, alike)
        apart = (_ends(said) - _ends(label)).square().mean()
        moved = (kept.states - caption.states)[caption.mask].square().mean()
        parts = {"matched": matched.detach(), "apart": apart.detach(), "moved": moved.detach()}
        return matched + MEANT_WEIGHT * apart + CAPTION_DISTILLATION_WEIGHT * moved, parts

    def sheet(self) -> None:
        return None


def _ends(caption: Caption) -> Tensor:
    """First state, last state and mean, (B, 3, D)."""
    last = caption.mask.sum(1, keepdim=True) - 1
    ending = caption.states.take_along_dim(last[..., None], 1)
    return torch.cat([caption.states[:, :1], ending, caption.pooled[:, None]], 1)


class FlowTask(nn.Module):
    """Phase 4: flow matching on features; one caption in ten is empty, for guidance (arXiv:2207.12598).

    Captions are read by the TextEncoder as the phase before has left it: trained along from the start, its
    states move faster than the flow can follow.
    """

    def __init__(self, model: DALLE, bank: FeatureCache):
        super().__init__()
        self.text = model.text.requires_grad_(False)
        self.normalizer = model.normalizer.requires_grad_(True)
        self.tokenizer, self.dataset = model.tokenizer, bank
        self.code_nats = model.config.flow.code_nats
        self.draw = model.draw  # a method, so that only what is trained is a part of the task

    def collate(self, entries: list[Entry]) -> tuple[Tensor, Tensor]:
        """-> features (B, N, C), caption tokens (B, CAPTION): one length, so that one compiled step fits."""
        captions = ["" if entry.index % CAPTION_DROPOUT_EVERY == 0 else entry.caption for entry in entries]
        tokens = self.tokenizer(captions)[:, :CAPTION]
        tokens = nn.functional.pad(tokens, (0, CAPTION - tokens.shape[1]))
        features = torch.from_numpy(np.stack([entry.features for entry in entries]))
        return features.float(), tokens

    def forward(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        features, tokens = batch
        return self.normalizer.loss(features, self.text(tokens), self.code_nats)

    def sheet(self) -> Image.Image:
        """Well-known things, two pictures each, at fixed seeds."""
        recipes = [Recipe(prompt, seed=seed) for seed in (1, 2) for prompt in SHEET_PROMPTS]
        return images.grid([picture.image for picture in self.draw(recipes)], columns=len(SHEET_PROMPTS))


class GeneratorTask(nn.Module):
    """Phase 5: a sharper Generator (arXiv:2012.09841). Features stay as they are, and so does the flow.

    A term of weight 0 is left out, and the critic with the adversarial one: so it is unless asked for, since
    within short trainings it paints a grid (RESEARCH.md).
    """

    def __init__(
        self,
        model: DALLE,
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
        return pixels_of(samples)

    def forward(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        pictures = images.from_pixels(pixels)
        with torch.no_grad():
            raw = self.extractor.posterior(pictures).sample()
        output = self.generator.paint(raw)
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

    def sheet(self) -> Image.Image:
        """Pictures above their reconstructions."""
        return reconstruction_sheet(self.extractor, self.generator, self.dataset)
