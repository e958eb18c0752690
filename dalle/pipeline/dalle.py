"""DALLE: the four networks, the text encoder and the image tower as one thing that draws and reads pictures.

    captions, latents  --decode-->  images (B, 3, S, S) in [-1, 1]  --encode-->  latents

A checkpoint is a folder: config.json, model.safetensors (bf16), tokenizer.json, labels.json (glossary.py),
README.md. Nothing is unpickled.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby, islice
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from dalle import images, runtime
from dalle.config import Config
from dalle.files import fsync_files, read_texts
from dalle.networks.autoencoder import FeatureExtractor, Generator
from dalle.networks.flow import CODE_SWITCH_TIME, BaseCondition, InverseNormalizer, Latent, Normalizer
from dalle.networks.image_tower import ImageTower
from dalle.networks.solver import Field, OnStep, Trajectory, follow, guided, guided_indices, schedule
from dalle.networks.text_encoder import Caption, TextEncoder, Tokenizer
from dalle.pipeline.checkpoint import FILES, LABELS, CheckpointError, replace_folder, weights_digest
from dalle.prompts.rewriter import PromptRewriter
from dalle.recipe import SEEDS, Picture, Recipe

Preview = Callable[[], list[Image.Image]]

OnDraw = Callable[[int, int, Preview], None]  # steps done, steps in all, the pictures as they look by now

READ_AT_ONCE = 128  # captions

TRUNCATION = 0.5  # of codes that are drawn: nearer to the mean is surer, and less varied (arXiv:1809.11096)

MAX_BATCH = 16  # pictures drawn at once: more would not be faster on a CPU, and memory stays bounded


@dataclass(eq=False)
class SampleState:
    """A recipe on its way to a picture: DALLE.begin makes one, sampling.step moves many at once."""

    recipe: Recipe
    walk: Trajectory  # from noise to features (N, C)
    code: Tensor  # (K,)
    caption: Caption  # of one prompt
    negative: Caption | None  # None where there is no guidance
    guidance: float  # from the negative to the caption, and beyond it
    own: Tensor | None = None  # (K,), the code that its seed names, where it has another
    means: tuple[Tensor, ...] = ()  # under the caption, and the negative, (N, C) each, once they are known
    own_means: tuple[Tensor, ...] = ()  # the same under its own code, where it has one

    @property
    def moved(self) -> Tensor:
        """How far the mean was moved from where its own code has it, under guidance: (N, C)."""
        if not self.own_means:
            return torch.zeros_like(self.means[0])
        first, *rest = (mean - own for mean, own in zip(self.means, self.own_means, strict=True))
        return rest[0] + self.guidance * (first - rest[0]) if rest else first

    @property
    def features(self) -> Tensor:
        """(N, C), as far as they are known by now."""
        return self.walk.x if self.walk.done else self.walk.estimate


class DALLE(nn.Module):
    """All networks of one checkpoint."""

    def __init__(self, config: Config, tokenizer: Tokenizer, digest: str = ""):
        super().__init__()
        self.config, self.tokenizer, self.digest = config, tokenizer, digest
        self.extractor = FeatureExtractor(config.autoencoder)
        self.generator = Generator(config.autoencoder)
        self.text = TextEncoder(config.text)
        self.tower = ImageTower(config.tower, config.text.embedding)
        self.normalizer = Normalizer(config)
        self.inverse_normalizer = InverseNormalizer(self.normalizer)
        self.glossary = PromptRewriter((), self.embed)

    @property
    def device(self) -> torch.device:
        return self.generator.mean.device

    @property
    def dtype(self) -> torch.dtype:
        return self.normalizer.velocity.input.weight.dtype

    def sizes(self) -> dict[str, int]:
        """Parameters of each network; the InverseNormalizer has none of its own."""
        return {type(part).__name__: sum(p.numel() for p in part.parameters()) for part in self.children()}

    def learn(self, labels: Sequence[str]) -> None:
        """Captions of one thing each that the glossary is to know before those that it knows."""
        self.glossary = PromptRewriter([*labels, *self.glossary.labels], self.embed)

    # --- the two arrows

    def read(self, captions: Sequence[str]) -> Caption:
        """What the flow is told by each caption, as the glossary reads it."""
        return self._understood([self.glossary.read(caption) for caption in captions])

    def _understood(self, captions: Sequence[str]) -> Caption:
        return self.text(self.tokenizer(captions).to(self.device))

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> Tensor:
        """B texts as they stand -> unit vectors (B, E) in the space shared with the ImageTower."""
        starts = range(0, len(texts), READ_AT_ONCE)
        return torch.cat([self._understood(texts[at : at + READ_AT_ONCE]).embedding for at in starts])

    @torch.inference_mode()
    def encode(self, pictures: Tensor, captions: Sequence[str], steps: int = 24) -> Latent:
        """pictures (B, 3, S, S) in [-1, 1] -> latent, by following the flow under `captions`, unguided."""
        features = self.extractor(pictures.to(self.device, self.dtype)).float()
        return self.normalizer(features, self.read(captions), steps)

    @torch.inference_mode()
    def decode(
        self,
        latent: Latent,
        captions: Sequence[str],
        negatives: Sequence[str] | None = None,
        guidance: Sequence[float] | float = 1.0,
        steps: int = 24,
        on_step: OnDraw | None = None,
    ) -> Tensor:
        """latent -> images (B, 3, S, S) in [-1, 1]; guidance 1 is none, one number or one a picture."""
        strengths = list(guidance) if isinstance(guidance, Sequence) else [guidance] * len(captions)
        twice = guided_indices(strengths)
        negatives = negatives or [""] * len(captions)
        caption = self.read([*captions, *(negatives[i] for i in twice)])
        code = torch.cat([latent.code, latent.code[twice]]).to(self.device)
        features = self.inverse_normalizer(
            Latent(code, latent.noise.to(self.device).float()),
            caption,
            steps,
            self._shown(on_step, steps),
            lambda field: guided(field, strengths),
        )
        return self._render(features)

    def _render(self, features: Tensor) -> Tensor:
        return self.generator(features.to(self.dtype)).float()

    @torch.inference_mode()
    def paint(self, features: Tensor) -> list[Image.Image]:
        """features (B, N, C), finished or estimated -> pictures."""
        return images.to_images(self._render(features))

    def _shown(self, on_step: OnDraw | None, steps: int) -> OnStep | None:
        """What a sampler calls, so that `on_step` may look at the pictures."""
        if on_step is None:
            return None
        return lambda step, features: on_step(step, steps, lambda: self.paint(features))

    # --- recipes

    def latent(self, recipes: Sequence[Recipe]) -> Latent:
        """The latents that recipes name: each from its own seed on the CPU, alone or in a batch the same.

        Codes that a recipe does not name are drawn from N(0, I) and shrunk by TRUNCATION.
        """
        codes, noises = [], []
        for recipe in recipes:
            generator = runtime.generator(recipe.seed)
            code = TRUNCATION * torch.randn(self.config.flow.code, generator=generator)
            noises.append(torch.randn(self.config.tokens, self.config.channels, generator=generator))
            codes.append(code if recipe.code is None else torch.tensor(recipe.code, dtype=torch.float32))
        return Latent(torch.stack(codes), torch.stack(noises))

    def codes(self, recipes: Sequence[Recipe]) -> list[tuple[float, ...]]:
        """The code of each recipe, as its sliders would stand."""
        return [tuple(code.tolist()) for code in self.latent(recipes).code]

    @torch.inference_mode()
    def begin(self, recipe: Recipe, read: Callable[[str], Caption] | None = None) -> SampleState:
        """A drawing at its start; `read` may remember the captions that it has read."""
        read = read or (lambda text: self.read([text]))
        latent = self.latent([recipe])
        moved = recipe.code is not None
        own = self.latent([replace(recipe, code=None)]).code[0] if moved else latent.code[0]
        same = torch.equal(own, latent.code[0])
        return SampleState(
            recipe,
            Trajectory(
                latent.noise[0].to(self.device),
                schedule(1, 0, recipe.steps),
                1.0 if same else CODE_SWITCH_TIME,
            ),
            latent.code[0].to(self.device),
            read(recipe.prompt),
            read(recipe.negative) if guided_indices([recipe.guidance]) else None,
            recipe.guidance,
            None if same else own.to(self.device),
        )

    @torch.inference_mode()
    def field(self, drawings: Sequence[SampleState]) -> Field:
        """The field that these drawings follow in one batch, wherever each of them stands.

        With a moved code, the predicted mean uses it from the start; the velocity network uses the base code
        until CODE_SWITCH_TIME and the moved one afterwards. Switching earlier makes the output jump between
        modes as a slider moves.
        """
        self._expect([drawing for drawing in drawings if not drawing.means])
        twice = [drawings[i] for i in guided_indices([drawing.guidance for drawing in drawings])]
        rows = [(d, d.caption, 0) for d in drawings] + [(d, d.negative, 1) for d in twice]
        strengths = [drawing.guidance for drawing in drawings]
        own = None
        if any(drawing.own is not None for drawing in drawings):
            own = BaseCondition(
                torch.stack([d.code if d.own is None else d.own for d, *_ in rows]),
                torch.stack([(d.own_means or d.means)[at] for d, _, at in rows]),
            )
        given = self.inverse_normalizer.velocity.given(
            _together([caption for _, caption, _ in rows]),
            torch.stack([drawing.code for drawing, *_ in rows]),
            torch.stack([drawing.means[at] for drawing, _, at in rows]),
            own,
        )
        field = guided(given, strengths)
        return field if own is None else _beside(field, torch.stack([d.moved for d in drawings]))

    def _expect(self, drawings: Sequence[SampleState]) -> None:
        """Find the means of drawings, in one batch."""
        if not drawings:
            return
        asked = [
            (caption, code)
            for drawing in drawings
            for code in (drawing.code, drawing.own)
            for caption in (drawing.caption, drawing.negative)
            if code is not None and caption is not None
        ]
        captions, codes = zip(*asked, strict=True)
        found = iter(self.inverse_normalizer.velocity.given(_together(captions), torch.stack(codes)).mean)
        for drawing in drawings:
            each = 1 if drawing.negative is None else 2
            drawing.means = tuple(islice(found, each))
            drawing.own_means = () if drawing.own is None else tuple(islice(found, each))

    @torch.inference_mode()
    def draw(self, recipes: Sequence[Recipe], on_step: OnDraw | None = None) -> list[Picture]:
        """Pictures of recipes, in order; `on_step` sees the running batch and may raise `Cancelled`.

        Raises ValueError for a recipe with edits, or of another checkpoint.
        """
        for recipe in recipes:
            self._check(recipe)
        read = cache(lambda text: self.read([text]))
        pictures: list[Picture] = []
        for steps, group in groupby(recipes, key=lambda recipe: recipe.steps):
            batch = [self.begin(recipe, read) for recipe in group]
            for start in range(0, len(batch), MAX_BATCH):
                pictures += self._draw(batch[start : start + MAX_BATCH], self._shown(on_step, steps))
        return pictures

    def _check(self, recipe: Recipe) -> None:
        """Raise ValueError where the picture would be another than the recipe says."""
        if recipe.edits:
            raise ValueError(
                f"the recipe has edits ({len(recipe.edits)}), which are made again and not drawn: use "
                "editing.Editor.replayed, or `python -m dalle edit replay`"
            )
        if recipe.checkpoint not in ("", self.digest):
            raise ValueError(
                f"the recipe is for checkpoint {recipe.checkpoint}, this is {self.digest or 'one unsaved'}: "
                "load that checkpoint, or empty the recipe's for another picture"
            )

    def _draw(self, drawings: list[SampleState], on_step: OnStep | None) -> list[Picture]:
        features = follow(self.field(drawings), [drawing.walk for drawing in drawings], on_step)
        drawn = zip(self.paint(features), drawings, strict=True)
        return [Picture(image, drawing.recipe) for image, drawing in drawn]

    def generate(
        self,
        prompt: str,
        count: int = 1,
        seed: int | None = None,
        on_step: OnDraw | None = None,
        **settings: object,
    ) -> list[Picture]:
        """`count` pictures of a prompt, with seeds from `seed` on; `settings` are fields of Recipe."""
        if count < 1:
            raise ValueError(f"count must be at least 1; got {count}")
        first = secrets.randbelow(SEEDS) if seed is None else seed
        size = self.config.image_size
        recipe = Recipe(prompt, seed=first, checkpoint=self.digest, size=size, **settings)
        return self.draw([replace(recipe, seed=(first + i) % SEEDS) for i in range(count)], on_step)

    @torch.inference_mode()
    def ranked(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Best first, by how near the ImageTower puts each to its prompt (DALL·E, arXiv:2102.12092)."""
        seen = self.tower(images.from_images([p.image for p in pictures]).to(self.device, self.dtype))
        told = self.read([picture.recipe.prompt for picture in pictures]).embedding
        order = (seen * told).sum(1).argsort(descending=True, stable=True)
        return [pictures[index] for index in order.tolist()]

    # --- checkpoints

    @classmethod
    def from_pretrained(cls, folder: str | Path, dtype: torch.dtype = torch.float32) -> "DALLE":
        """Read a checkpoint folder; raises CheckpointError where it is missing, foreign or damaged."""
        folder = Path(folder)
        weights = folder / "model.safetensors"
        for name in FILES:
            if not (folder / name).is_file():
                raise CheckpointError(
                    f"{folder} is no checkpoint: {name} is missing. A checkpoint is a folder that "
                    "save_pretrained wrote, with config.json, model.safetensors and tokenizer.json"
                )
        try:
            config = Config.from_json((folder / "config.json").read_text(encoding="utf-8"))
            tokenizer = Tokenizer.load(folder / "tokenizer.json", config.text)
            state = safetensors.torch.load_file(weights)
            # Not on the meta device, where random numbers import torch's compiler, for seconds.
            with torch.random.fork_rng(devices=[]):
                model = cls(config, tokenizer, weights_digest(weights))
            model.load_state_dict({k: v.to(dtype) for k, v in state.items()}, strict=True, assign=True)
            model.learn(read_texts(folder / LABELS))
        except (ValueError, TypeError, RuntimeError, OSError, safetensors.SafetensorError) as error:
            raise CheckpointError(
                f"{folder} cannot be read as a checkpoint of this version ({str(error)[:300]}). "
                "The files are damaged or from another program: copy or train the checkpoint again"
            ) from error
        return model.eval().requires_grad_(False)

    def save_pretrained(self, folder: str | Path, card: str = "") -> str:
        """Write the checkpoint in bf16; -> its digest. The folder appears whole, or the old one stays.

        A kill in the moment between two renames leaves the old one as .NAME-PID-old: rename it back. Raises
        CheckpointError where that would replace a folder of other things, or the disk is full.
        """
        folder = Path(folder)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file():
            raise CheckpointError(f"{folder} holds other things than a checkpoint: choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            state = {
                k: v.detach().to("cpu", torch.bfloat16).contiguous() for k, v in self.state_dict().items()
            }
            safetensors.torch.save_file(state, scratch / "model.safetensors", {"format": "pt"})
            (scratch / "config.json").write_text(self.config.to_json() + "\n", encoding="utf-8")
            self.tokenizer.save(scratch / "tokenizer.json")
            if self.glossary.labels:
                labels = json.dumps(self.glossary.labels, ensure_ascii=False)
                (scratch / LABELS).write_text(labels + "\n", encoding="utf-8")
            (scratch / "README.md").write_text(card or "# A small DALL·E\n", encoding="utf-8")
            scratch.chmod(0o755)
            digest = weights_digest(scratch / "model.safetensors")
            fsync_files(scratch)
            replace_folder(scratch, folder)
        except (OSError, safetensors.SafetensorError) as error:
            raise CheckpointError(f"the checkpoint could not be written to {folder} ({error})") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return digest

    def push_to_hub(self, repository: str, card: str = "", private: bool = False) -> str:
        """Upload the networks and a card to the Hugging Face Hub, as safetensors; -> the address.

        What stands beside them in a folder, words, prompts, sliders and upscaler, goes by parcel.push.
        """
        from huggingface_hub import HfApi

        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "checkpoint"
            self.save_pretrained(folder, card)
            api = HfApi()
            url = api.create_repo(repository, private=private, exist_ok=True)
            api.upload_folder(folder_path=folder, repo_id=url.repo_id)
        return str(url)


def _beside(field: Field, moved: Tensor) -> Field:
    """A field seen from pictures whose means were `moved` (B, N, C) by the time 0, evenly from time 1 on."""

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        between = ((time > CODE_SWITCH_TIME) & (time < 1)).expand(len(x))[
            :, None, None
        ]  # at time 1 the mean is all
        gone = torch.where(between, moved, 0)
        return field(x - (1 - time.view(-1, 1, 1)) * gone, time) - gone

    return velocity


def _together(captions: Sequence[Caption]) -> Caption:
    """Captions of one text each as one batch, padded to the longest."""
    return Caption(
        pad_sequence([caption.states[0] for caption in captions], batch_first=True),
        pad_sequence([caption.mask[0] for caption in captions], batch_first=True),
        torch.cat([caption.pooled for caption in captions]),
        torch.cat([caption.embedding for caption in captions]),
    )
