"""Sizes of the networks: frozen dataclasses, and the presets that name them.

A checkpoint's `config.json` is `Config.to_json`; `Config.from_json` refuses keys that it does not know.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

LARGEST = 2**16  # of any size: a config read from a file must not fill the memory


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
    refiner_depth: int = 2  # blocks that read a caption's states again, for the flow's own ends
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
        """Raises ValueError for sizes that no network can have."""
        for part in (self, self.autoencoder, self.text, self.tower, self.flow):
            _check_sizes(part)
        cell = 16 * self.autoencoder.fold
        if self.image_size % cell:
            raise ValueError(f"image_size must be a multiple of {cell}; got {self.image_size}")
        widths = self.autoencoder.widths
        if len(widths) != 3 or any(4 * narrow % wide for narrow, wide in pairwise(widths)):
            raise ValueError(
                f"the autoencoder has three widths, each dividing four times the one before; got {widths}"
            )
        if odd := [width for width in (*widths, *self.tower.widths) if width % 8]:
            raise ValueError(f"widths of convolutional networks must be multiples of 8; got {odd}")

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
        return _build(cls, json.loads(text), "config")


def _check_sizes(part: Any) -> None:
    for entry in dataclasses.fields(part):
        value, default = getattr(part, entry.name), entry.default
        if isinstance(default, float):
            if type(value) not in (int, float) or not 0 < value < LARGEST:
                raise ValueError(f"{entry.name} must be a number above 0; got {value!r}")
        elif default is not dataclasses.MISSING:
            sizes = value if isinstance(value, tuple) else (value,)
            whole = all(type(size) is int and 1 <= size <= LARGEST for size in sizes)
            if type(value) is not type(default) or not whole:
                kind = "a list of whole numbers" if isinstance(default, tuple) else "a whole number"
                raise ValueError(f"{entry.name} must be {kind} from 1 to {LARGEST}; got {value!r}")


def _build(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ValueError(f"{where} must be a JSON object; got {values!r:.80}")
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
        flow=FlowConfig(width=32, depth=2, heads=2, code_width=32, code_depth=1, refiner_depth=1),
    ),
    # The shipped model: 128 px, 16 tokens of 64 channels.
    "small": Config(),
}
