"""Sizes of the networks: frozen dataclasses, and the presets that name them.

A checkpoint's `config.json` is `Config.to_json`; `Config.from_json` refuses keys that it does not know.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AutoencoderConfig:
    """FeatureExtractor and Generator: pictures <-> a grid of features, `image_size / 16` cells a side."""

    widths: tuple[int, ...] = (64, 128, 256)  # channels at 1/4, 1/8 and 1/16 of the picture's side
    encoder_blocks: int = 2  # residual blocks a level
    decoder_blocks: int = 3
    channels: int = 16  # features a cell
    fold: int = 2  # fold x fold cells make one token


@dataclass(frozen=True)
class TextConfig:
    """TextEncoder: byte-level BPE and a small transformer."""

    vocabulary: int = 8192
    length: int = 64  # tokens a caption at most
    width: int = 256
    depth: int = 4
    heads: int = 4
    embedding: int = 256  # the space shared with the ImageTower


@dataclass(frozen=True)
class TowerConfig:
    """ImageTower: a small convolutional network that reads pictures at `size` pixels."""

    size: int = 64
    widths: tuple[int, ...] = (48, 96, 192, 384)


@dataclass(frozen=True)
class FlowConfig:
    """The velocity field behind Normalizer and InverseNormalizer."""

    width: int = 384
    depth: int = 10
    heads: int = 6
    code: int = 20  # numbers in the code, the seed's 20
    code_nats: float = 0.6  # information each of them carries about the picture
    code_width: int = 256  # of the small transformer that reads the code from the features
    code_depth: int = 2


@dataclass(frozen=True)
class Config:
    image_size: int = 128
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    text: TextConfig = field(default_factory=TextConfig)
    tower: TowerConfig = field(default_factory=TowerConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)

    def __post_init__(self) -> None:
        cell = 16 * self.autoencoder.fold
        if self.image_size < cell or self.image_size % cell:
            raise ValueError(f"image_size must be a multiple of {cell}; got {self.image_size}")

    @property
    def tokens(self) -> int:
        """N, tokens a picture."""
        return (self.image_size // (16 * self.autoencoder.fold)) ** 2

    @property
    def channels(self) -> int:
        """C, channels a token."""
        return self.autoencoder.channels * self.autoencoder.fold**2

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Raises ValueError where the text is no JSON object or has an unknown key."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"a config is a JSON object; got {type(values).__name__}")
        return _build(cls, values, "config")


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"{where}: unknown keys {unknown}; known are {sorted(fields)}")
    arguments = {}
    for name, value in values.items():
        default = fields[name].default_factory
        if dataclasses.is_dataclass(default):
            value = _build(default, value, f"{where}.{name}")
        arguments[name] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)


PRESETS: dict[str, Config] = {
    # Trains in seconds: for tests.
    "tiny": Config(
        image_size=32,
        autoencoder=AutoencoderConfig(
            widths=(16, 16, 32), encoder_blocks=1, decoder_blocks=1, channels=4, fold=1
        ),
        text=TextConfig(vocabulary=512, length=32, width=32, depth=1, heads=2, embedding=32),
        tower=TowerConfig(size=32, widths=(8, 16)),
        flow=FlowConfig(width=32, depth=2, heads=2, code_width=32, code_depth=1),
    ),
    # The shipped model: 128 px, 16 tokens of 64 channels.
    "small": Config(),
}
