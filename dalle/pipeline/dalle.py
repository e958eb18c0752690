"""DALLE: the pipeline from prompts to pictures and from pictures to latents; all parts of a checkpoint.

from dalle import DALLE

pipeline = DALLE.from_pretrained("checkpoints/emoji")
pictures = pipeline.generate("a red apple", count=4, seed=7)
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.files import read_string_list
from dalle.networks.flow import Latent
from dalle.networks.model import DALLEModel
from dalle.networks.solver import guided_indices
from dalle.networks.text_encoder import Caption
from dalle.networks.upscaler import Upscaler
from dalle.pipeline import checkpoint
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.sampler import MAX_BATCH, SampleBatch, Sampler, run_batch, stack_captions
from dalle.pipeline.sliders import Slider, load_sliders, save_sliders, slide_code, unnamed_sliders
from dalle.pipeline.told_sliders import TOLD_SLIDERS
from dalle.prompts.rewriter import PromptRewriter
from dalle.prompts.vocabulary import Vocabulary
from dalle.recipe import SEED_COUNT, Picture, Recipe

Preview = Callable[[], list[Image.Image]]
OnPreview = Callable[[int, int, Preview], None]  # steps taken, of how many, the batch's pictures as estimated


class DALLE:
    """The networks of a checkpoint with everything else that its folder holds.

    model      the networks and their tokenizer
    rewriter   replaces unknown names in prompts by labels that the model knows
    words      of the training captions, the most frequent first; `vocabulary` looks up words of prompts
    prompts    example prompts
    sliders    names of the code's numbers: told ones first, then learnt ones, the most effective first
    upscaler   super-resolution, or None
    card       model card: Markdown with a YAML header
    """

    def __init__(
        self,
        model: DALLEModel,
        *,
        labels: Iterable[str] = (),
        words: Iterable[str] = (),
        prompts: Iterable[str] = (),
        sliders: Sequence[Slider] = (),
        upscaler: Upscaler | None = None,
        card: str = "",
    ):
        """labels: of the rewriter, captions of one thing each.

        sliders: of all learnt numbers, or none; those of told numbers are left out, since theirs are fixed.
        """
        self.model = model
        self.rewriter = PromptRewriter(list(labels), model.embed)
        self.words, self.prompts = list(words), list(prompts)
        learnt = _learnt_indices(model)
        named = tuple(slider for slider in sliders if slider.index in learnt)
        self._learnt_sliders = named or unnamed_sliders(learnt)
        self.upscaler, self.card = upscaler, card

    @property
    def sliders(self) -> tuple[Slider, ...]:
        return TOLD_SLIDERS[: self.model.config.flow.told] + self._learnt_sliders

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Of `words`; made at its first use, which takes about a second."""
        return Vocabulary(self.words, self.model.embed)

    def to(self, device: torch.device) -> "DALLE":
        """Move all networks to a device; -> self."""
        self.model.to(device)
        if self.upscaler:
            self.upscaler.to(device)
        return self

    def add_labels(self, labels: Iterable[str]) -> None:
        """Let the rewriter know more labels, which come before those it has."""
        self.rewriter = PromptRewriter([*labels, *self.rewriter.labels], self.model.embed)

    # --- prompts to pictures

    def generate(
        self,
        prompt: str,
        count: int = 1,
        seed: int | None = None,
        on_step: OnPreview | None = None,
        slides: Mapping[str, float] | None = None,
        **settings: Any,
    ) -> list[Picture]:
        """`count` pictures of a prompt, with seeds from `seed` on, or from a random one.

        `slides` sets numbers of their codes by the English names of sliders: {"size": 2}. `settings` are
        fields of Recipe. Raises ValueError for a value out of its bounds.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1; got {count}")
        first = secrets.randbelow(SEED_COUNT) if seed is None else seed
        size = self.model.config.image_size
        recipe = Recipe(prompt, seed=first, checkpoint=self.model.digest, size=size, **settings)
        recipes = [replace(recipe, seed=(first + i) % SEED_COUNT) for i in range(count)]
        if slides:
            recipes = [self.slide(recipe, slides) for recipe in recipes]
        return self.draw(recipes, on_step)

    def slide(self, recipe: Recipe, slides: Mapping[str, float]) -> Recipe:
        """The recipe with sliders moved: numbers by English names, as {"size": 2}. Raises ValueError."""
        (code,) = initial_codes([recipe], self.model.config)
        return replace(recipe, code=slide_code(code, self.sliders, slides))

    def draw(self, recipes: Sequence[Recipe], on_step: OnPreview | None = None) -> list[Picture]:
        """Pictures of recipes, in order; `on_step` is called after each step and may raise to stop.

        Raises ValueError for a recipe with edits, or of another checkpoint.
        """
        for recipe in recipes:
            self._check(recipe)
        sampler, pictures = self.make_sampler(), []
        for _, group in groupby(recipes, key=lambda recipe: recipe.steps):
            same_steps = list(group)
            for start in range(0, len(same_steps), MAX_BATCH):
                batch = same_steps[start : start + MAX_BATCH]
                drawn = self._draw_batch(sampler, batch, on_step)
                pictures += [Picture(image, recipe) for image, recipe in zip(drawn, batch, strict=True)]
        return pictures

    def _draw_batch(
        self, sampler: Sampler, recipes: Sequence[Recipe], on_step: OnPreview | None
    ) -> list[Image.Image]:
        samples = [sampler.prepare(recipe) for recipe in recipes]

        def show(taken: int, steps: int) -> None:
            if on_step is not None:
                on_step(taken, steps, lambda: sampler.decode(samples))

        return run_batch(SampleBatch(sampler, samples), show)

    def _check(self, recipe: Recipe) -> None:
        """Raise ValueError where the picture would be another than the recipe says."""
        digest = self.model.digest
        if recipe.edits:
            raise ValueError(
                f"the recipe has edits ({len(recipe.edits)}), which are made again and not drawn: use "
                "editing.Editor.replay, or `python -m dalle edit replay`"
            )
        if recipe.checkpoint not in ("", digest):
            raise ValueError(
                f"the recipe is for checkpoint {recipe.checkpoint}, this is {digest or 'one unsaved'}: "
                "load that checkpoint, or empty the recipe's for another picture"
            )

    def make_sampler(self) -> Sampler:
        """A sampler of the networks as they are: it remembers encoded prompts, which training outdates."""
        return Sampler(self.model, lambda prompt: self.encode_prompts([prompt]))

    @torch.inference_mode()
    def rank(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Best first, by similarity of picture and prompt in the ImageTower's space (DALL·E)."""
        pixels = images.from_images([picture.image for picture in pictures])
        embeddings = self.model.tower(pixels.to(self.model.device, self.model.dtype))
        captions = self.encode_prompts([picture.recipe.prompt for picture in pictures])
        order = (embeddings * captions.embedding).sum(1).argsort(descending=True, stable=True)
        return [pictures[index] for index in order.tolist()]

    # --- pictures to latents, and back

    def encode_prompts(self, prompts: Sequence[str]) -> Caption:
        """B prompts, rewritten and encoded."""
        return self.model.encode_text([self.rewriter.rewrite(prompt) for prompt in prompts])

    @torch.inference_mode()
    def encode(self, pictures: Tensor, prompts: Sequence[str], steps: int = 24) -> Latent:
        """Images (B, 3, S, S) in [-1, 1] and what they show -> latent, without guidance."""
        return self.model.encode(pictures, self.encode_prompts(prompts), steps)

    @torch.inference_mode()
    def decode(
        self,
        latent: Latent,
        prompts: Sequence[str],
        negatives: Sequence[str] | None = None,
        guidance: Sequence[float] | float = 1.0,
        steps: int = 24,
        on_step: OnPreview | None = None,
    ) -> Tensor:
        """latent -> images (B, 3, S, S) in [-1, 1]; guidance: one strength or one a picture, 1 is none."""
        strengths = list(guidance) if isinstance(guidance, Sequence) else [guidance] * len(prompts)
        negatives = negatives or [""] * len(prompts)
        texts = [*prompts, *(negatives[i] for i in guided_indices(strengths))]
        # One by one, as a sampler does: in a batch the last bits differ, and the picture from the drawn one.
        caption = stack_captions([self.encode_prompts([text]) for text in texts])

        def view(features: Tensor) -> Tensor:
            return self.model.view(self.model.render(features), latent.code)

        def show(taken: int, features: Tensor) -> None:
            if on_step is not None:
                on_step(taken, steps, lambda: images.to_images(view(features)))

        return self.model.decode(latent, caption, strengths, steps, show)

    # --- the checkpoint folder

    @classmethod
    def from_pretrained(cls, folder: str | Path, dtype: torch.dtype = torch.float32) -> "DALLE":
        """Read a checkpoint folder; raises CheckpointError where a file is missing, foreign or damaged."""
        folder = Path(folder)
        model = checkpoint.load_model(folder, dtype)
        card = folder / checkpoint.CARD_FILE
        try:
            return cls(
                model,
                labels=read_string_list(folder / checkpoint.LABELS_FILE),
                words=read_string_list(folder / checkpoint.VOCABULARY_FILE),
                prompts=read_string_list(folder / checkpoint.PROMPTS_FILE),
                sliders=load_sliders(folder / checkpoint.SLIDERS_FILE, _learnt_indices(model)),
                upscaler=Upscaler.load(folder, dtype),
                card=card.read_text(encoding="utf-8") if card.is_file() else "",
            )
        except (ValueError, OSError) as error:
            raise CheckpointError(str(error)) from error

    def save_pretrained(self, folder: str | Path, card: str = "") -> str:
        """Write all parts, the weights in bf16; -> the digest of the weights.

        card: the model card, in place of the pipeline's own. The folder appears whole, or the old one stays;
        raises CheckpointError as `checkpoint.atomic_folder` does.
        """
        with checkpoint.atomic_folder(Path(folder)) as scratch:
            digest = checkpoint.save_model(self.model, scratch)
            for name, texts in (
                (checkpoint.LABELS_FILE, self.rewriter.labels),
                (checkpoint.VOCABULARY_FILE, self.words),
                (checkpoint.PROMPTS_FILE, self.prompts),
            ):
                if texts:
                    text = json.dumps(texts, ensure_ascii=False)
                    (scratch / name).write_text(text + "\n", encoding="utf-8")
            if self._learnt_sliders != unnamed_sliders(_learnt_indices(self.model)):
                save_sliders(scratch / checkpoint.SLIDERS_FILE, self._learnt_sliders)
            if self.upscaler:
                self.upscaler.save(scratch)
            text = card or self.card or "# A small DALL·E\n"
            (scratch / checkpoint.CARD_FILE).write_text(text, encoding="utf-8")
        return digest


def _learnt_indices(model: DALLEModel) -> range:
    """Of the code's learnt numbers."""
    return range(model.config.flow.told, model.config.flow.code)
