"""DALLE: the pipeline from prompts to pictures and from pictures to latents; all parts of a checkpoint.

from dalle import DALLE

pipeline = DALLE.from_pretrained("checkpoints/emoji")
pictures = pipeline.generate("a red apple", count=4, seed=7)
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from dalle import images
from dalle.files import read_string_list, write_string_list
from dalle.networks.flow import Latent
from dalle.networks.model import DALLEModel
from dalle.networks.solver import guided_indices
from dalle.networks.text_encoder import Caption
from dalle.networks.upscaler import Upscaler
from dalle.pipeline import checkpoint
from dalle.pipeline.checkpoint import CheckpointError
from dalle.pipeline.latents import initial_codes
from dalle.pipeline.prompt_texts import prompt_texts
from dalle.pipeline.sampler import MAX_BATCH, SampleBatch, Sampler, run_batch, stack_captions
from dalle.pipeline.sliders import Slider, load_sliders, save_sliders, slide_code, unnamed_sliders
from dalle.pipeline.told_sliders import TOLD_SLIDERS
from dalle.prompts.lexicon import Lexicon
from dalle.prompts.lexicon_files import load_lexicon, save_lexicon
from dalle.prompts.reader import Reader
from dalle.recipe import SEED_COUNT, Picture, Recipe

Preview = Callable[[], list[Image.Image]]
NO_LEXICON = Lexicon()
OnPreview = Callable[[int, int, Preview], None]  # steps taken, of how many, the batch's pictures as estimated


class DALLE:
    """The networks of a checkpoint with everything else that its folder holds.

    model      the networks and their tokenizer
    reader     reads prompts as what the model was taught, by the words and names of its lexicon
    prompts    example prompts
    sliders    names of the code's numbers: told ones first, then learnt ones, the most effective first
    upscaler   super-resolution, or None
    card       model card: Markdown with a YAML header
    """

    def __init__(
        self,
        model: DALLEModel,
        *,
        lexicon: Lexicon = NO_LEXICON,
        prompts: Iterable[str] = (),
        sliders: Sequence[Slider] = (),
        upscaler: Upscaler | None = None,
        card: str = "",
    ):
        """sliders: of all learnt numbers, or none; those of told numbers, which are fixed, are left out."""
        self.model = model
        self.reader = Reader(lexicon)
        self.prompts = list(prompts)
        learnt = _learnt_indices(model)
        named = tuple(slider for slider in sliders if slider.index in learnt)
        self._learnt_sliders = named or unnamed_sliders(learnt)
        self.upscaler, self.card = upscaler, card

    @property
    def sliders(self) -> tuple[Slider, ...]:
        return TOLD_SLIDERS[: self.model.config.flow.told] + self._learnt_sliders

    @property
    def lexicon(self) -> Lexicon:
        return self.reader.lexicon

    def to(self, device: torch.device) -> "DALLE":
        """Move all networks to a device; -> self."""
        self.model.to(device)
        if self.upscaler:
            self.upscaler.to(device)
        return self

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
        (code,) = initial_codes([recipe], self.model.config, self.reader)
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
        return Sampler(self.model, self.reader)

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
        """B prompts, read and encoded."""
        return self.model.encode_text([self.reader.read(prompt).text for prompt in prompts])

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
        told = [prompt_texts(self.reader, *texts) for texts in zip(prompts, negatives, strict=True)]
        texts = [*(wanted for wanted, _ in told), *(told[i][1] for i in guided_indices(strengths))]
        # One by one, as a sampler does: in a batch the last bits differ, and the picture from the drawn one.
        caption = stack_captions([self.model.encode_text([text]) for text in texts])

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
                lexicon=load_lexicon(folder),
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
            save_lexicon(scratch, self.lexicon)
            write_string_list(scratch / checkpoint.PROMPTS_FILE, self.prompts)
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
