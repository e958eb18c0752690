"""A brush for flat pictures in batches: gradients, outlines and unions of simple shapes, random by seed.

B pictures of size x size pixels. x and y are fractions of the side, to the right and downwards. A shape is a
signed distance (B, h, w) to its outline, in the same unit and positive inside; `cover` makes an anti-aliased
mask of it. Shapes whose distance is a function of x plus one of y cost two operations a pixel: that is what
`blobs`, `boxes` and `spikes` are. Random numbers are integer hashes of the seed, alike on every device.
"""

from functools import lru_cache, reduce

import torch
from torch import Tensor

EDGE = 1.5  # pixels over which an outline fades
LOW_32 = 0xFFFFFFFF
NUMBERS = 1024  # random numbers a picture: more than any place takes
JITTER = 0.05  # by which the colours of a palette vary, grey ones less


def mix_bits(value: Tensor) -> Tensor:
    """A hash of integers below 2^32, int64 to int64; no product overflows."""
    value = ((value ^ (value >> 16)) * 0x2C1B3C6D) & LOW_32
    value = ((value ^ (value >> 15)) * 0x297A2D39) & LOW_32
    return value ^ (value >> 16)


def uniform_numbers(seed: Tensor, count: int = NUMBERS) -> Tensor:
    """Numbers (B, count) float32, uniform in [0, 1), from the lower 32 bits of seeds (B,) int64."""
    index = torch.arange(count, device=seed.device) * 0x1E3779B1
    value = mix_bits((mix_bits(seed & LOW_32)[:, None] + index) & LOW_32)
    return (value >> 8).float() * 2.0**-24


@lru_cache(maxsize=256)
def _colour_table(palettes: tuple[str, ...], device: torch.device) -> Tensor:
    """Palettes, each a string of hexadecimal colours -> (palettes, colours, 3) in [0, 1]."""
    table = [[tuple(bytes.fromhex(colour)) for colour in palette.split()] for palette in palettes]
    return torch.tensor(table, dtype=torch.float32, device=device) / 255


class Brush:
    """Paints a batch in place; a band of it paints on the same pictures.

    `picture` (B, 3, h, w) in [0, 1]; `x` (1, 1, w) and `y` (1, h, 1) are the centres of its pixels; `night`
    (B, 1, 1) is 1 by night and 0 by day.
    """

    picture: Tensor
    x: Tensor
    y: Tensor

    def __init__(self, numbers: Tensor, night: Tensor, size: int):
        """`numbers` (B, n) in [0, 1) are all that is random; `night` (B,) bool."""
        self.size = size
        self.night = night.float()[:, None, None]
        centres = (torch.arange(size, device=numbers.device) + 0.5) / size
        self.x, self.y = centres[None, None, :], centres[None, :, None]
        self.picture = torch.zeros(len(numbers), 3, size, size, device=numbers.device)
        self._numbers = numbers
        self._used = [0]  # shared with bands

    def band(self, top: float, bottom: float = 1.0) -> "Brush":
        """A brush for the rows between two heights; random numbers go on from this brush's."""
        part = object.__new__(Brush)
        part.__dict__.update(self.__dict__)
        first, last = max(0, int(top * self.size)), min(self.size, -int(-bottom * self.size // 1))
        part.picture, part.y = self.picture[:, :, first:last], self.y[:, first:last]
        return part

    # random numbers

    def random(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One number a picture: (B, 1, 1)."""
        return self.many(1, low, high)[:, :, None]

    def side(self) -> Tensor:
        """-1 or 1 for left or right: (B, 1, 1)."""
        return torch.where(self.random() < 0.5, -1.0, 1.0)

    def many(self, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """`count` numbers a picture: (B, count). ValueError where none are left."""
        first = self._used[0]
        self._used[0] += count
        if self._used[0] > self._numbers.shape[1]:
            raise ValueError(
                f"a place takes more than {self._numbers.shape[1]} random numbers; raise NUMBERS"
            )
        numbers = self._numbers[:, first : self._used[0]]
        return numbers if (low, high) == (0, 1) else numbers * (high - low) + low

    def spread(self, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """`count` ascending numbers a picture, one in each equal part of the range: (B, count)."""
        step = torch.arange(count, device=self.x.device) + 0.1 + 0.8 * self.many(count)
        return low + (high - low) * step / count

    def palette(self, day: tuple[str, ...], night: tuple[str, ...] = ()) -> list[Tensor]:
        """Colours (B, 3, 1, 1): a mixture of two neighbouring palettes, those of the night by night."""
        colours = self._mixed(day)
        if night:
            colours = torch.lerp(colours, self._mixed(night), self.night)
        jitter = self.many(colours.shape[1] * 3, -JITTER, JITTER).view_as(colours)
        vivid = colours.amax(2, keepdim=True) - colours.amin(2, keepdim=True)
        colours = (colours + jitter * (0.3 + vivid)).clamp_(0, 1)  # white stays white
        return list(colours[..., None, None].unbind(1))

    def _mixed(self, palettes: tuple[str, ...]) -> Tensor:
        table = _colour_table(palettes, self.x.device)
        at = self.many(1)[:, 0] * len(palettes)
        first = at.long().clamp(max=len(palettes) - 1)
        return torch.lerp(table[first], table[(first + 1) % len(palettes)], (at - first)[:, None, None])

    # shapes

    def blobs(
        self,
        x: Tensor,
        y: Tensor,
        rx: Tensor | float,
        ry: Tensor | float | None = None,
        straight_x: Tensor | float = 0.0,
        straight_y: Tensor | float = 0.0,
    ) -> Tensor:
        """The union of n ellipses of radii (B, n); the `straight` parts make capsules and rounded boxes.

        x, y (B, n): the centres. A distance (B, h, w), exact at the outline and smaller far outside.
        """
        rx, ry = _column(rx), _column(rx if ry is None else ry)
        across = ((self.x[:, None] - _column(x)).abs() - _column(straight_x)).clamp_(min=0) / rx
        down = ((self.y[:, None] - _column(y)).abs() - _column(straight_y)).clamp_(min=0) / ry
        half = _smaller(rx, ry) / 2
        return _union((1 - across**2) * half, -(down**2) * half)

    def boxes(self, x: Tensor, y: Tensor, half_x: Tensor | float, half_y: Tensor | float) -> Tensor:
        """The union of n upright boxes: centres (B, n) and half sides."""
        across = _column(half_x) - (self.x[:, None] - _column(x)).abs()
        down = _column(half_y) - (self.y[:, None] - _column(y)).abs()
        return torch.minimum(across, down).amax(1)

    def spikes(self, x: Tensor, top: Tensor, bottom: Tensor, half_x: Tensor | float) -> Tensor:
        """The union of n triangles that stand on their base: tips at (x, top), half bases; all (B, n)."""
        slope = _column(half_x) / (_column(bottom) - _column(top))
        down = (self.y[:, None] - _column(top)) * slope
        down = torch.where(self.y[:, None] < _column(bottom), down, -1.0)
        return _union(down, -(self.x[:, None] - _column(x)).abs())

    # painting

    def cover(self, distance: Tensor, softness: float = 1.0) -> Tensor:
        """The mask of a shape: 0 outside, 1 inside, over EDGE pixels; `softness` times as many."""
        return (distance * (self.size / (EDGE * softness)) + 0.5).clamp_(0, 1)

    def gradient(self, top: Tensor, bottom: Tensor, start: float = 0.0, end: float = 1.0) -> None:
        """Fill with a vertical run of colours, which are reached at heights `start` and `end`."""
        share = ((self.y - start) / (end - start)).clamp(0, 1)
        self.picture.copy_(torch.lerp(top, bottom, share[:, None]))

    def draw(self, colour: Tensor, mask: Tensor) -> None:
        """Lay a colour, (B, 3, 1, 1) or one for each column or pixel, over the picture where `mask` says."""
        self.picture.lerp_(colour, mask[:, None])


def _column(value: Tensor | float) -> Tensor | float:
    """(B, n) -> (B, n, 1, 1), and (B, 1, 1) -> (B, 1, 1, 1), to broadcast against pixels."""
    if not isinstance(value, Tensor):
        return value
    return value[..., None, None] if value.dim() == 2 else value[..., None]


def _smaller(first: Tensor | float, second: Tensor | float) -> Tensor | float:
    """The smaller one of two numbers or tensors, without a tensor for a number: that would be on the CPU."""
    if isinstance(first, Tensor):
        return first.clamp(max=second)
    return second.clamp(max=first) if isinstance(second, Tensor) else min(first, second)


def _union(across: Tensor, down: Tensor) -> Tensor:
    """The largest of n sums of a function of x (B, n, 1, w) and one of y (B, n, h, 1): (B, h, w)."""
    parts = zip(across.split(8, 1), down.split(8, 1), strict=True)
    return reduce(torch.maximum, ((x + y).amax(1) for x, y in parts))
