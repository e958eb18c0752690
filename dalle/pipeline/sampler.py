"""Sampler: from a recipe to a picture in sampling steps, which the samples of a batch take together.

    recipe  --prepare-->  SampleState  --step, until done-->  features (N, C)  --decode-->  image

B samples, N tokens a sample, C channels a token, K numbers in a code. `run_batch` is the loop of drawing and
editing in one thread; `serving/scheduler.py` steps the samples of many requests in turn.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dalle import images
from dalle.networks import solver
from dalle.networks.model import DALLEModel
from dalle.networks.solver import Field, Trajectory, apply_guidance, combine_guided, guided_indices, schedule
from dalle.networks.text_encoder import Caption
from dalle.networks.velocity import ConditionedField
from dalle.pipeline.latents import initial_latents
from dalle.pipeline.plain_pictures import PlainPictures
from dalle.pipeline.prompt_texts import prompt_texts
from dalle.prompts.reader import Reader
from dalle.recipe import Recipe

MAX_BATCH = 16  # samples stepped at once: more would not be faster on a CPU, and memory stays bounded
CAPTION_CACHE_SIZE = 256
CODE_SWITCH_TIME = 0.4  # from this time down to 0, the velocity network sees a moved code


# --- one sample, and the velocity field of several


@dataclass(eq=False)
class SampleState:
    """A sample on its way from noise to features, or from features to noise."""

    recipe: Recipe
    trajectory: Trajectory
    captions: tuple[Caption, ...]  # of the prompt, and with guidance of the negative prompt; one text each
    guidance: float
    code: Tensor  # (K,)
    base_code: Tensor | None = (
        None  # (K,), with the learnt numbers of the seed, where the recipe states others
    )
    means: tuple[Tensor, ...] = ()  # (N, C), the predicted mean under each caption, once it is known
    base_means: tuple[Tensor, ...] = ()  # the same with the base code, where there is one

    @property
    def steps(self) -> int:
        return self.trajectory.steps

    @property
    def steps_taken(self) -> int:
        return self.trajectory.steps_taken

    @property
    def features(self) -> Tensor:
        """(N, C): the final ones, or before the last step an estimate."""
        return self.trajectory.x if self.trajectory.done else self.trajectory.estimate

    @property
    def codes(self) -> tuple[Tensor, ...]:
        return (self.code,) if self.base_code is None else (self.code, self.base_code)


class MovedCodeField:
    """Velocity field of a batch in which sliders have moved the codes of some samples.

    The predicted mean depends on the moved code from the start (t = 1), the velocity network only from
    CODE_SWITCH_TIME on; until then it sees the base code, with the learnt numbers of the seed. Switching
    earlier makes the picture jump between modes as a slider moves. Told numbers act from the start: the base
    code has those of the moved one.

    For CODE_SWITCH_TIME < t < 1 a sample follows the path of its base code, displaced by (1 - t) * shift,
    where shift (N, C) is the change of the guided mean: the base field is evaluated at x - (1 - t) * shift,
    and -shift, the velocity of the displacement, is added.
    """

    def __init__(self, moved: ConditionedField, base: ConditionedField, guidance: Sequence[float]):
        """Fields of B + G rows in the order of `solver.combine_guided`; guidance: B strengths."""
        self._moved, self._base = moved, base
        self._shift = combine_guided(moved.mean - base.mean, guidance)
        self._guided = apply_guidance(self._switched, guidance)

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        """x (B, N, C), time (B,) -> velocity (B, N, C)."""
        shift = torch.where(_uses_base_code(time)[:, None, None], self._shift, 0)
        return self._guided(x - (1 - time[:, None, None]) * shift, time) - shift

    def _switched(self, x: Tensor, time: Tensor) -> Tensor:
        return self._base.where(_uses_base_code(time), self._moved)(x, time)


def _uses_base_code(time: Tensor) -> Tensor:
    return (time > CODE_SWITCH_TIME) & (time < 1)


# --- sampling


class Sampler:
    """Samples with one model; remembers encoded texts, and the velocity field of the last batch.

    `plain_pictures` has those of recipes that were drawn alone lately.
    """

    def __init__(self, model: DALLEModel, reader: Reader):
        """Captions are cached: the networks may not change."""
        self.model = model
        self.reader = reader
        self._encode = lru_cache(CAPTION_CACHE_SIZE)(lambda text: model.encode_text([text]))
        self.plain_pictures = PlainPictures(model, reader)
        self._batch: list[SampleState] = []
        self._field: Field | None = None

    def encode_text(self, prompt: str) -> Caption:
        """The caption of a prompt, without what it says is not wanted."""
        return self._encode(self.reader.read(prompt).text)

    def encode_captions(self, prompt: str, negative: str, guidance: float) -> tuple[Caption, ...]:
        """What `SampleState.captions` holds."""
        texts = prompt_texts(self.reader, prompt, negative)
        return tuple(map(self._encode, texts if guided_indices([guidance]) else texts[:1]))

    @torch.inference_mode()
    def prepare(self, recipe: Recipe) -> SampleState:
        """The sample of a recipe at time 1."""
        device, config = self.model.device, self.model.config
        latent = initial_latents([recipe], config, self.reader)
        (code,), (noise,) = latent
        (base_code,) = initial_latents([replace(recipe, code=None)], config, self.reader).code
        base_code[: config.flow.told] = code[: config.flow.told]
        is_moved = not torch.equal(code, base_code)
        times = schedule(1, 0, recipe.steps)
        return SampleState(
            recipe,
            Trajectory(noise.to(device), times, restart_time=CODE_SWITCH_TIME if is_moved else 1.0),
            self.encode_captions(recipe.prompt, recipe.negative, recipe.guidance),
            recipe.guidance,
            code.to(device),
            base_code.to(device) if is_moved else None,
        )

    @torch.inference_mode()
    def step(self, samples: Sequence[SampleState]) -> None:
        """Advance each sample by one step; their times may differ."""
        samples = list(samples)
        if self._field is None or samples != self._batch:
            self._batch, self._field = samples, self.make_field(samples)
        solver.step(self._field, [sample.trajectory for sample in samples])

    @torch.inference_mode()
    def decode(self, samples: Sequence[SampleState]) -> list[Image.Image]:
        """Images of samples; before a sample's last step, of its estimated features."""
        plain = self.model.render(torch.stack([sample.features for sample in samples]))
        # The last bits of pictures depend on their batch: only those drawn alone are the same at all times.
        if len(samples) == 1 and samples[0].trajectory.done:
            self.plain_pictures.put(samples[0].recipe, plain[0])
        return images.to_images(self.model.view(plain, torch.stack([sample.code for sample in samples])))

    @torch.inference_mode()
    def make_field(self, samples: Sequence[SampleState]) -> Field:
        """The velocity field of a batch of samples; their times may differ."""
        self._predict_means([sample for sample in samples if not sample.means])
        guidance = [sample.guidance for sample in samples]
        rows = [(sample, 0) for sample in samples]
        rows += [(samples[index], 1) for index in guided_indices(guidance)]
        field = self.model.normalizer.velocity.condition(
            stack_captions([sample.captions[index] for sample, index in rows]),
            torch.stack([sample.code for sample, _ in rows]),
            torch.stack([sample.means[index] for sample, index in rows]),
        )
        if all(sample.base_code is None for sample in samples):
            return apply_guidance(field, guidance)
        base = field.with_code(
            torch.stack([sample.codes[-1] for sample, _ in rows]),
            torch.stack([(sample.base_means or sample.means)[index] for sample, index in rows]),
        )
        return MovedCodeField(field, base, guidance)

    def _predict_means(self, samples: Sequence[SampleState]) -> None:
        """Set the predicted means of samples, all in one batch."""
        if not samples:
            return
        rows = [(code, caption) for each in samples for code in each.codes for caption in each.captions]
        codes, captions = zip(*rows, strict=True)
        field = self.model.normalizer.velocity.condition(stack_captions(captions), torch.stack(codes))
        means = iter(field.mean)
        for sample in samples:
            sample.means = tuple(islice(means, len(sample.captions)))
            if sample.base_code is not None:
                sample.base_means = tuple(islice(means, len(sample.captions)))


def stack_captions(captions: Sequence[Caption]) -> Caption:
    """Captions of one text each as one batch, padded to the longest."""
    return Caption(
        pad_sequence([caption.states[0] for caption in captions], batch_first=True),
        pad_sequence([caption.mask[0] for caption in captions], batch_first=True),
        torch.cat([caption.pooled for caption in captions]),
        torch.cat([caption.embedding for caption in captions]),
    )


# --- batches


class Steppable(Protocol):
    """What a sampler takes step by step: a SampleState, or a picture that is upscaled tile by tile."""

    @property
    def steps(self) -> int: ...

    @property
    def steps_taken(self) -> int: ...


S = TypeVar("S", bound=Steppable)
S_contra = TypeVar("S_contra", bound=Steppable, contravariant=True)
T = TypeVar("T")


class BatchSampler(Protocol[S_contra]):
    """A Sampler, or what works as one."""

    def step(self, samples: Sequence[S_contra], /) -> None: ...

    def decode(self, samples: Sequence[S_contra], /) -> list[Image.Image]: ...


@dataclass(frozen=True)
class SampleBatch(Generic[S]):
    """Samples that are to take all their steps, and whether their images are wanted."""

    sampler: BatchSampler[S]
    samples: Sequence[S]
    decode: bool = True


# Work that needs several batches one after the other: it yields each batch, is sent its images, none without
# `decode`, and returns its result. `run` drives it in one thread, `serving/studio.py` by the scheduler.
SampleCoroutine = Generator[SampleBatch[Any], list[Image.Image], T]

OnBatchStep = Callable[[int, int], None]  # steps taken, of how many


def run_batch(batch: SampleBatch[Any], on_step: OnBatchStep | None = None) -> list[Image.Image]:
    """Step all samples to their ends; -> their images, none without `decode`. `on_step` may raise to stop."""
    while pending := [sample for sample in batch.samples if sample.steps_taken < sample.steps]:
        batch.sampler.step(pending)
        if on_step is not None:
            on_step(pending[0].steps_taken, pending[0].steps)
    return batch.sampler.decode(batch.samples) if batch.decode else []


def run(coroutine: SampleCoroutine[T], on_step: OnBatchStep | None = None) -> T:
    """Run a coroutine's batches one after the other; -> its result. `on_step` may raise to stop."""
    try:
        batch = next(coroutine)
        while True:
            batch = coroutine.send(run_batch(batch, on_step))
    except StopIteration as end:
        return end.value
