"""Tests of dalle/config.py."""

import dataclasses
import json

import pytest
import torch

from dalle.config import PRESETS, Config
from dalle.networks.model import DALLEModel
from dalle.networks.text_encoder import Tokenizer


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name: str) -> None:
    """Guards against a checkpoint whose config.json builds other networks than it was trained with."""
    config = PRESETS[name]
    assert Config.from_json(config.to_json()) == config


def test_missing_keys_have_their_defaults() -> None:
    """Guards against a new field that makes old checkpoints unreadable."""
    assert Config.from_json('{"flow": {"depth": 3}}') == Config(
        flow=dataclasses.replace(Config().flow, depth=3)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"image_sise": 128}', r"config: unknown keys \['image_sise'\]"),
        ('{"flow": {"widht": 8, "depth": 3}}', r"config\.flow: unknown keys \['widht'\]"),
        ("[]", r"config must be a JSON object; got \[\]"),
        ('{"text": []}', r"config\.text must be a JSON object"),
        ("{", "Expecting"),
    ],
)
def test_invalid_json_is_refused(text: str, message: str) -> None:
    """Guards against keys that are silently ignored, so that other networks are built."""
    with pytest.raises(ValueError, match=message):
        Config.from_json(text)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 100}, "image_size must be a multiple of 32; got 100"),
        ({"image_size": 0}, "image_size must be a whole number from 1 to 65536; got 0"),
        ({"image_size": "128"}, "image_size must be a whole number"),
        ({"flow": {"depth": 10**9}}, "depth must be a whole number"),
        ({"flow": {"heads": 0}}, "heads must be a whole number"),
        ({"flow": {"depth": True}}, "depth must be a whole number"),
        ({"flow": {"code_nats": -1}}, "code_nats must be a number above 0; got -1"),
        ({"autoencoder": {"widths": [64, 128]}}, r"three widths.* got \(64, 128\)"),
        ({"autoencoder": {"widths": [16, 32, 256]}}, r"three widths.* got \(16, 32, 256\)"),
        ({"tower": {"widths": [12]}}, r"multiples of 8; got \[12\]"),
        ({"tower": {"widths": 48}}, "widths must be a list of whole numbers from 1 to 65536; got 48"),
        ({"tower": {"size": [64]}}, r"size must be a whole number from 1 to 65536; got \(64,\)"),
    ],
)
def test_impossible_sizes_are_refused(values: dict, message: str) -> None:
    """Guards against networks that fail much later, during training, with an error of torch."""
    with pytest.raises(ValueError, match=message):
        Config.from_json(json.dumps(values))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_built(name: str) -> None:
    """Guards against a preset whose sizes do not fit together."""
    config = PRESETS[name]
    tokenizer = Tokenizer.train(["a dog"], config.text.vocabulary, config.text.length)
    with torch.device("meta"):
        model = DALLEModel(config, tokenizer)
        pictures = torch.empty(2, 3, config.image_size, config.image_size)
        features = model.extractor(pictures)
        assert features.shape == (2, config.tokens, config.channels)
        assert model.generator(features).shape == pictures.shape
        assert model.tower(pictures).shape == (2, config.text.embedding)
