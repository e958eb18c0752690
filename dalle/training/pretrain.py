"""Training on the emoji set from nothing, phase by phase: what `python -m dalle train` runs.

A run's folder holds state.safetensors, metrics.jsonl, sheets/, and at the end checkpoint/.
"""

from pathlib import Path

import torch
from torch import nn

from dalle import runtime
from dalle.config import PRESETS
from dalle.data.emoji.emoji_set import EmojiSet
from dalle.data.scenes.captions import prompt
from dalle.data.scenes.composer import Composer, corpus
from dalle.networks.text_encoder import Tokenizer
from dalle.pipeline.dalle import DALLE
from dalle.training.feature_cache import FeatureCache
from dalle.training.synonyms import SynonymDataset, pairs
from dalle.training.tasks import AutoencoderTask, FlowTask, GeneratorTask, SynonymTask, TextTask
from dalle.training.text_teacher import Teacher
from dalle.training.trainer import Trainer, TrainingSettings

PHASE_DEFAULTS = {
    "autoencoder": {"batch": 32, "learning_rate": 1.2e-3, "muon": 2e-3, "average": 0.998},
    "generator": {"batch": 32, "learning_rate": 3e-4, "muon": 5e-4, "average": 0.998},
    "text": {"batch": 256, "learning_rate": 1e-3, "muon": 2e-3, "average": 0.99},
    "synonyms": {"batch": 512, "learning_rate": 1e-3, "muon": 2e-3, "average": 0.99},
    "flow": {"batch": 256, "learning_rate": 1e-3, "muon": 2e-3, "average": 0.998, "workers": 0},
}


PREREQUISITES = {  # phases that come after others
    "synonyms": "synonyms are learnt by a text encoder that knows their labels",
    "flow": "the flow trains on the features of an autoencoder",
    "generator": "the generator is sharpened for the features of an autoencoder",
}


def new_model(preset: str, emoji: EmojiSet, seed: int = 0) -> DALLE:
    """Networks from nothing, with a tokenizer trained on the set's words and a glossary of its labels."""
    if preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}; there are {sorted(PRESETS)}")
    config = PRESETS[preset]
    torch.manual_seed(seed)
    model = DALLE(config, Tokenizer.train(corpus(emoji), config.text.vocabulary, config.text.length))
    model.learn([prompt(concept) for concept in emoji.concepts])
    return model


def composer_for(phase: str, emoji: EmojiSet, model: DALLE, seed: int) -> Composer:
    """Scenes to train a phase on; the autoencoder never sees the concepts it is judged on."""
    seen = [i for i in range(len(emoji.concepts)) if not emoji.held_out(i)]
    concepts = seen if phase in ("autoencoder", "generator") else None
    return Composer(emoji, seed=seed, concepts=concepts, size=model.config.image_size)


def train(
    phase: str, folder: Path, data: Path, start: Path | None, preset: str, **settings: object
) -> str | None:
    """Run one phase in `folder`, or go on with it; -> the digest of the checkpoint written there.

    The flow's `data` is a bank of features, every other phase's the emoji set. Of several processes the main
    one writes the checkpoint, and the others return None.
    """
    chosen = TrainingSettings(**(PHASE_DEFAULTS[phase] | settings))
    if start is None and phase in PREREQUISITES:
        raise ValueError(f"{PREREQUISITES[phase]}: name the checkpoint to start from")
    if phase == "flow":
        model, bank = DALLE.from_pretrained(start).to(runtime.device()), FeatureCache(data)
        bank.check(model.extractor)
        task: nn.Module = FlowTask(model, bank)
    else:
        emoji = EmojiSet.load(data)
        model = DALLE.from_pretrained(start) if start else new_model(preset, emoji, chosen.seed)
        model.to(runtime.device())
        composer = composer_for(phase, emoji, model, chosen.seed)
        if phase == "autoencoder":
            task = AutoencoderTask(model, composer)
        elif phase == "text":
            task = TextTask(model, composer, Teacher.load())
        elif phase == "synonyms":
            texts = pairs(emoji, list(composer.mix.languages), Teacher.load())
            task = SynonymTask(model, SynonymDataset(texts, composer))
        else:
            task = GeneratorTask(model, composer)
    trainer = Trainer(task, chosen, folder)
    trainer.run()
    if not trainer.accelerator.is_main_process:
        return None
    with trainer.averaged():
        if isinstance(task, AutoencoderTask):
            task.standardise()
        return model.save_pretrained(folder / "checkpoint")
