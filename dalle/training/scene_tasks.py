"""The tasks of pre-training on scenes of sprites: planned by data loaders, rendered on the device.

    planner --DataLoader--> PackedPlans --Renderer, on the device--> pictures, light --> loss

1. autoencoder  FeatureExtractor and Generator
2. text         TextEncoder and ImageTower
3. flow         Normalizer, on features of the frozen FeatureExtractor, with the light of each picture told
4. generator    Generator alone, with a perceptual term
"""

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from dalle import images
from dalle.data.sprite_scenes.packed import PackedPlans, pack, positive_pairs
from dalle.data.sprite_scenes.plan import ScenePlan
from dalle.data.sprite_scenes.planner import Planner
from dalle.data.sprite_scenes.renderer import Rendered, Renderer
from dalle.networks import camera
from dalle.networks.autoencoder import reconstruction_loss
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.training.task import Task
from dalle.training.tasks import CAPTION_DROPOUT_EVERY, PERCEPTUAL_WEIGHT, autoencoder_loss, fit_scale

WORD_WEIGHT = 2.0  # of the change of single words' embeddings, beside the contrastive loss
WORD_TOKENS = 16  # longer words are truncated


class PlanDataset(Dataset):
    """Plans without end; plan i is a pure function of the planner's seed and i."""

    def __init__(self, planner: Planner):
        self.planner = planner

    def __getitem__(self, index: int) -> ScenePlan:
        return self.planner.plan(index)

    def __len__(self) -> int:
        return 2**31


class SceneTask(Task):
    """Base of the tasks: plans as items, packed as batches.

    Rendering is thousands of small operations, however many plans it renders: on an accelerator, plans of
    several batches (`load_factor`) are rendered at once.
    """

    def __init__(self, planner: Planner, renderer: Renderer, tokenizer: Tokenizer, load_factor: int = 1):
        super().__init__()
        self.load_factor = self.batches_per_load = load_factor
        self.dataset, self.renderer, self.tokenizer = PlanDataset(planner), renderer, tokenizer

    def collate(self, items: list[ScenePlan]) -> PackedPlans:
        return pack(items, self.tokenizer)

    def render(self, plans: PackedPlans) -> Rendered:
        """Pictures of plans, under light that depends on the plans alone."""
        seed = int(plans.seed.sum()) + int(plans.tokens.sum())
        return self.renderer.render(plans, torch.Generator(plans.seed.device).manual_seed(seed))

    def pictures(self, count: int) -> Tensor:
        """The pictures of the first `count` plans: (count, 3, S, S)."""
        return self.render(self.collate([self.dataset[index] for index in range(count)])).pictures


class SceneAutoencoderTask(SceneTask):
    """Phase 1: a variational autoencoder; reconstruction loss and KL_WEIGHT times the KL.

    Half of the pictures are seen by a random camera, since users' pictures stand on no grid.
    """

    def __init__(self, model: DALLEModel, planner: Planner, renderer: Renderer, load_factor: int = 1):
        super().__init__(planner, renderer, model.tokenizer, load_factor)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(True)
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)

    def expand(self, loaded: PackedPlans) -> Iterator[Tensor]:
        yield from moved_half(self.render(loaded).pictures).chunk(self.load_factor)

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """pictures (B, 3, S, S) -> loss, metrics."""
        return autoencoder_loss(self.extractor, self.generator, pictures)

    @torch.no_grad()
    def standardise(self, count: int = 2048) -> None:
        """After training: fit the features' mean and scale on the first `count` scenes."""
        means = [self.extractor.posterior(part).mean for part in self.pictures(count).split(64)]
        fit_scale(self.extractor, self.generator, means)


@torch.no_grad()
def moved_half(pictures: Tensor) -> Tensor:
    """pictures (B, 3, S, S) with every second one seen by a random camera, in place -> pictures."""
    cameras = torch.randn(len(pictures[::2]), len(camera.FACTORS), device=pictures.device)
    pictures[::2] = camera.render(pictures[::2], cameras)
    return pictures


def _chunks(count: int, parts: int) -> list[slice]:
    """`parts` slices of equal length of `count` rows."""
    length = count // parts
    return [slice(start, start + length) for start in range(0, length * parts, length)]


class SceneTextTask(SceneTask):
    """Phase 2: contrastive captions and pictures (CLIP, arXiv:2103.00020).

    `words`, of all languages, keep the embeddings that the starting weights give them: what these know of
    words outside the captions stays.
    """

    words: Tensor  # (W, at most WORD_TOKENS) tokens

    def __init__(
        self,
        model: DALLEModel,
        planner: Planner,
        renderer: Renderer,
        load_factor: int = 1,
        words: Sequence[str] = (),
    ):
        super().__init__(planner, renderer, model.tokenizer, load_factor)
        self.text = model.text.requires_grad_(True)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(True)
        self.before = copy.deepcopy(model.text).requires_grad_(False)
        tokens = model.tokenizer(words)[:, :WORD_TOKENS] if words else torch.zeros(0, WORD_TOKENS).long()
        self.register_buffer("words", tokens, persistent=False)

    def expand(self, loaded: PackedPlans) -> Iterator[tuple[Tensor, ...]]:
        pictures = self.tower.resize(self.render(loaded).pictures)
        for rows in _chunks(len(loaded), self.load_factor):
            part = loaded[rows]
            yield pictures[rows], part.tokens.long(), positive_pairs(part)

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """pictures (B, 3, s, s), tokens (B, T), positive pairs (B, B) -> loss, metrics."""
        pictures, tokens, same = batch
        loss, parts = self.tower.loss(self.text(tokens).embedding, pictures, same)
        if len(self.words):
            words = self.words[torch.randint(len(self.words), (len(tokens) // 2,), device=tokens.device)]
            with torch.no_grad():
                known = self.before(words).embedding
            moved = 1 - nn.functional.cosine_similarity(self.text(words).embedding, known).mean()
            loss, parts = loss + WORD_WEIGHT * moved, parts | {"moved": moved.detach()}
        return loss, parts


class SceneFlowTask(SceneTask):
    """Phase 3: flow matching with caption dropout for guidance (arXiv:2207.12598).

    Each rendered batch is trained on `repeats` times, with new noise and times (data echoing,
    arXiv:1907.05550): rendering and encoding cost as much as half a training step.
    """

    empty: Tensor  # tokens of the empty caption

    def __init__(
        self,
        model: DALLEModel,
        planner: Planner,
        renderer: Renderer,
        load_factor: int = 1,
        repeats: int = 1,
    ):
        super().__init__(planner, renderer, model.tokenizer, load_factor)
        self.repeats, self.batches_per_load = repeats, load_factor * repeats
        self.text = model.text.requires_grad_(False)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(False)
        self.normalizer = model.normalizer.requires_grad_(True)
        self.code_nats = model.config.flow.code_nats
        self.register_buffer("empty", model.tokenizer([""])[0], persistent=False)

    @torch.no_grad()
    def expand(self, loaded: PackedPlans) -> Iterator[tuple[Tensor, ...]]:
        rendered = self.render(loaded)
        with torch.autocast(rendered.pictures.device.type, torch.bfloat16, rendered.pictures.is_cuda):
            features = self.extractor(rendered.pictures).float()
        tokens = loaded.tokens.long()
        empty = nn.functional.pad(self.empty, (0, tokens.shape[1] - len(self.empty)))
        for repeat in range(self.repeats):
            dropped = torch.arange(len(tokens), device=tokens.device) % CAPTION_DROPOUT_EVERY == repeat
            captions = torch.where(dropped[:, None], empty, tokens)
            for rows in _chunks(len(loaded), self.load_factor):
                yield features[rows], captions[rows], rendered.light[rows]

    def forward(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """features (B, N, C), tokens (B, T), light (B, LIGHT_NUMBERS) -> loss, metrics."""
        features, tokens, light = batch
        return self.normalizer.loss(features, self.text(tokens), self.code_nats, light=light)


class SceneGeneratorTask(SceneTask):
    """Phase 4: a sharper Generator by a perceptual term; the features stay as they are."""

    def __init__(self, model: DALLEModel, planner: Planner, renderer: Renderer, load_factor: int = 1):
        super().__init__(planner, renderer, model.tokenizer, load_factor)
        self.generator = model.generator.to(memory_format=torch.channels_last).requires_grad_(True)
        self.extractor = model.extractor.to(memory_format=torch.channels_last).requires_grad_(False)
        self.tower = model.tower.to(memory_format=torch.channels_last).requires_grad_(False)

    def expand(self, loaded: PackedPlans) -> Iterator[Tensor]:
        yield from moved_half(self.render(loaded).pictures).chunk(self.load_factor)

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """pictures (B, 3, S, S) -> loss, metrics."""
        with torch.no_grad():
            raw = self.extractor.posterior(pictures).sample()
        output = self.generator.decode_raw(raw)
        reconstruction = reconstruction_loss(output, pictures)
        perceptual = self.tower.distance(output, pictures)
        parts = {"reconstruction": reconstruction.detach(), "perceptual": perceptual.detach()}
        parts["psnr"] = images.psnr(output.detach(), pictures).mean()
        return reconstruction + PERCEPTUAL_WEIGHT * perceptual, parts
