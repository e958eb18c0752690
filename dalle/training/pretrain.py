"""Pre-training: runs one phase of `python -m dalle train`, from scratch or from a checkpoint.

The folder of a run holds state.safetensors, metrics.jsonl, sheets/ (sample grids), finally checkpoint/.
"""

from pathlib import Path
from typing import Any

import torch

from dalle import runtime
from dalle.config import PRESETS
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import plain_caption
from dalle.data.scenes.composer import Composer
from dalle.data.scenes.corpus import tokenizer_corpus
from dalle.data.scenes.scene_dataset import SceneDataset
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.prompts.lexicon import Lexicon
from dalle.training.feature_cache import FeatureCache
from dalle.training.synonyms import SynonymDataset, synonym_pairs
from dalle.training.task import Task, TrainingSettings
from dalle.training.tasks import AutoencoderTask, FlowTask, GeneratorTask, SynonymTask, TextTask
from dalle.training.text_teacher import Teacher
from dalle.training.trainer import Trainer

PHASE_DEFAULTS: dict[str, dict[str, Any]] = {  # fields of TrainingSettings
    "autoencoder": {"batch": 32, "learning_rate": 1.2e-3, "muon_learning_rate": 2e-3, "ema_decay": 0.998},
    "generator": {"batch": 32, "learning_rate": 3e-4, "muon_learning_rate": 5e-4, "ema_decay": 0.998},
    "text": {"batch": 256, "learning_rate": 1e-3, "muon_learning_rate": 2e-3, "ema_decay": 0.99},
    "synonyms": {"batch": 512, "learning_rate": 1e-3, "muon_learning_rate": 2e-3, "ema_decay": 0.99},
    "flow": {
        "batch": 256,
        "learning_rate": 1e-3,
        "muon_learning_rate": 2e-3,
        "ema_decay": 0.998,
        "workers": 0,
    },
}


PREREQUISITES = {  # phases that need a checkpoint to start from, and why
    "synonyms": "synonyms are learnt by a text encoder that knows their labels",
    "flow": "the flow trains on the features of an autoencoder",
    "generator": "the generator is sharpened for the features of an autoencoder",
}


def new_pipeline(preset: str, emoji: EmojiSet, seed: int = 0) -> DALLE:
    """Randomly initialised networks, a tokenizer trained on the set's captions, a reader of its labels.

    Raises ValueError for an unknown preset.
    """
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {sorted(PRESETS)}")
    config = PRESETS[preset]
    torch.manual_seed(seed)
    tokenizer = Tokenizer.train(tokenizer_corpus(emoji), config.text.vocabulary, config.text.length)
    labels = tuple(dict.fromkeys(map(plain_caption, emoji.concepts)))
    return DALLE(DALLEModel(config, tokenizer), lexicon=Lexicon(labels))


def composer_for(phase: str, emoji: EmojiSet, model: DALLEModel, seed: int) -> Composer:
    """Training scenes of a phase. The autoencoder never sees the concepts held out to evaluate it."""
    training = [i for i in range(len(emoji.concepts)) if not emoji.held_out(i)]
    concepts = training if phase in ("autoencoder", "generator") else None
    return Composer(emoji, seed=seed, concepts=concepts, size=model.config.image_size)


def train_phase(
    phase: str, folder: Path, data: Path, start: Path | None, preset: str, **settings: Any
) -> str | None:
    """Run or resume one phase in `folder` -> the digest of the checkpoint that it writes there.

    `data` is the feature cache for the flow, the emoji set for the other phases; `settings` are fields of
    TrainingSettings. Only the main process writes the checkpoint; the others return None. Raises ValueError
    where `start` is missing or the cache belongs to another extractor, FileNotFoundError without data.
    """
    chosen = TrainingSettings(**(PHASE_DEFAULTS[phase] | settings))
    if start is None and phase in PREREQUISITES:
        raise ValueError(f"{PREREQUISITES[phase]}: name the checkpoint to start from")
    if phase == "flow" and start:
        pipeline, cache = DALLE.from_pretrained(start).to(runtime.device()), FeatureCache(data)
        cache.check_extractor(pipeline.model.extractor)
        task: Task = FlowTask(pipeline, cache)
    else:
        emoji = EmojiSet.load(data)
        pipeline = DALLE.from_pretrained(start) if start else new_pipeline(preset, emoji, chosen.seed)
        model = pipeline.to(runtime.device()).model
        composer = composer_for(phase, emoji, model, chosen.seed)
        if phase == "autoencoder":
            task = AutoencoderTask(model, SceneDataset(composer, anywhere=True), SceneDataset(composer))
        elif phase == "text":
            task = TextTask(model, composer, Teacher.load())
        elif phase == "synonyms":
            texts = synonym_pairs(emoji, list(composer.weights.languages), Teacher.load())
            task = SynonymTask(model, SynonymDataset(texts, composer))
        else:
            task = GeneratorTask(model, composer)
    trainer = Trainer(task, chosen, folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.ema_weights():
        if isinstance(task, AutoencoderTask):
            task.standardise()
        # Vocabulary, sliders, upscaler and card belong to the weights before: they are left out.
        trained = DALLE(pipeline.model, lexicon=Lexicon(pipeline.lexicon.labels))
        return trained.save_pretrained(folder / "checkpoint")
