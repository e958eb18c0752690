"""Sizes of the networks as frozen dataclasses, and named presets; `config.json` of a checkpoint.

Field names are the keys of `config.json`.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

CAMERA_NUMBERS = 6  # of a code with told numbers, the first ones: networks/camera.py
VIEW_NUMBERS = CAMERA_NUMBERS + 4  # with the next ones, networks/colour.py: they act on the finished picture
LIGHT_NUMBERS = 2  # the next ones, which the flow is told: the background's tint, the outline
MAX_DIMENSION = 2**16  # of every field: a config from an untrusted file must not fill the memory


@dataclass(frozen=True)
class AutoencoderConfig:
    """FeatureExtractor and Generator: images <-> a grid of features, `image_size / 16` cells a side."""

    widths: tuple[int, ...] = (64, 128, 256)  # channels at 1/4, 1/8 and 1/16 of the image's side
    encoder_blocks: int = 2  # residual blocks a resolution
    decoder_blocks: int = 3
    channels: int = 16  # of a cell
    fold: int = 2  # fold x fold cells form one token


@dataclass(frozen=True)
class TextConfig:
    """TextEncoder: byte-level BPE tokenizer and a small transformer."""

    vocabulary: int = 8192
    length: int = 64  # maximum tokens of a caption
    width: int = 256
    depth: int = 4
    heads: int = 4
    embedding: int = 256  # dimension of the space shared with the ImageTower


@dataclass(frozen=True)
class TowerConfig:
    """ImageTower: a small convolutional network on images of `size` pixels a side."""

    size: int = 64
    widths: tuple[int, ...] = (48, 96, 192, 384)


@dataclass(frozen=True)
class FlowConfig:
    """Normalizer and InverseNormalizer: the velocity network, the code and its encoder."""

    width: int = 384
    depth: int = 10
    heads: int = 6
    code: int = 20  # numbers in the code
    learnt: int = 20  # of these, the last ones, whose meaning is learnt; those before are told (`told`)
    code_nats: float = 0.6  # information about the image in each learnt number, in nats
    refiner_depth: int = 2  # transformer blocks of the flow on the text encoder's states
    code_width: int = 256  # of the code encoder, a small transformer
    code_depth: int = 2

    @property
    def told(self) -> int:
        """Numbers at the start of the code that have a fixed meaning: the view's, then light's, or none."""
        return self.code - self.learnt


@dataclass(frozen=True)
class Config:
    """All networks of a checkpoint. Raises ValueError for sizes that do not fit together."""

    image_size: int = 128  # pixels a side
    plain_size: float = 1.0  # of the frame that a thing alone fills, in training
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    text: TextConfig = field(default_factory=TextConfig)
    tower: TowerConfig = field(default_factory=TowerConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)

    def __post_init__(self) -> None:
        for section in (self, self.autoencoder, self.text, self.tower, self.flow):
            _check_fields(section)
        if self.flow.told not in (0, VIEW_NUMBERS, VIEW_NUMBERS + LIGHT_NUMBERS):
            raise ValueError(
                f"of {self.flow.code} numbers in a code all are learnt, or all but {VIEW_NUMBERS}, or all "
                f"but {VIEW_NUMBERS + LIGHT_NUMBERS}; got learnt={self.flow.learnt}"
            )
        cell = 16 * self.autoencoder.fold
        if self.image_size % cell:
            raise ValueError(f"image_size must be a multiple of {cell}; got {self.image_size}")
        widths = self.autoencoder.widths
        if len(widths) != 3 or any(4 * narrow % wide for narrow, wide in pairwise(widths)):
            raise ValueError(
                f"the autoencoder has three widths, each dividing four times the one before; got {widths}"
            )
        if invalid := [width for width in (*widths, *self.tower.widths) if width % 8]:
            raise ValueError(f"widths of convolutional networks must be multiples of 8; got {invalid}")

    @property
    def tokens(self) -> int:
        """N, tokens of an image."""
        return (self.image_size // (16 * self.autoencoder.fold)) ** 2

    @property
    def channels(self) -> int:
        """C, channels of a token."""
        return self.autoencoder.channels * self.autoencoder.fold**2

    def to_json(self) -> str:
        """The content of `config.json`; `from_json` gives the equal config back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Missing keys have their defaults. Raises ValueError for invalid JSON, unknown keys, wrong sizes."""
        return _from_dict(cls, json.loads(text), "config")


def _check_fields(section: Any) -> None:
    """Raise ValueError for a field whose type is not its default's, or that is out of bounds."""
    for config_field in dataclasses.fields(section):
        value, default = getattr(section, config_field.name), config_field.default
        if isinstance(default, float):
            if type(value) not in (int, float) or not 0 < value < MAX_DIMENSION:
                raise ValueError(f"{config_field.name} must be a number above 0; got {value!r}")
        elif default is not dataclasses.MISSING:
            sizes = value if isinstance(value, tuple) else (value,)
            in_bounds = all(type(size) is int and 1 <= size <= MAX_DIMENSION for size in sizes)
            if type(value) is not type(default) or not in_bounds:
                kind = "a list of whole numbers" if isinstance(default, tuple) else "a whole number"
                raise ValueError(
                    f"{config_field.name} must be {kind} from 1 to {MAX_DIMENSION}; got {value!r}"
                )


def _from_dict(config_class: type, values: Any, path: str) -> Any:
    """An instance of a config dataclass, nested ones included; `path` names it in errors."""
    if not isinstance(values, dict):
        raise ValueError(f"{path} must be a JSON object; got {values!r:.80}")
    fields = {f.name: f for f in dataclasses.fields(config_class)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(f"{path}: unknown keys {unknown}; known are {sorted(fields)}")
    arguments = {}
    for name, value in values.items():
        default = fields[name].default_factory
        if dataclasses.is_dataclass(default):
            value = _from_dict(default, value, f"{path}.{name}")
        arguments[name] = tuple(value) if isinstance(value, list) else value
    return config_class(**arguments)


PRESETS: dict[str, Config] = {
    # For tests: trains in seconds.
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
