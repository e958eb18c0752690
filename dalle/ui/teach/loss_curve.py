"""A curve of the loss, as an SVG that takes its colours from the page."""

from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT = 320, 96
POINTS = 160  # at most; of more, neighbours are averaged
SMOOTH = 0.9  # of the value before, in the line that is drawn strong


def curve(values: Sequence[float], label: str) -> str:
    """A faint line of what was measured, and a smooth one; nothing where there are fewer than two values."""
    if len(values) < 2:
        return ""
    bins = np.array_split(np.asarray(values, float), min(POINTS, len(values)))
    means = np.array([part.mean() for part in bins])
    smooth = _smoothed(means)
    low, high = float(means.min()), float(means.max())
    lines = "".join(
        f'<polyline class="{kind}" points="{_points(line, low, high)}"/>'
        for kind, line in (("raw", means), ("smooth", smooth))
    )
    return (
        f'<figure class="curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{lines}</svg><figcaption><span>{label}</span>'
        f"<span>{means[0]:.3f} → {smooth[-1]:.3f}</span></figcaption></figure>"
    )


def _smoothed(values: np.ndarray) -> np.ndarray:
    """A moving average that starts at the first value."""
    line, mean = [], values[0]
    for value in values:
        mean = SMOOTH * mean + (1 - SMOOTH) * value
        line.append(mean)
    return np.array(line)


def _points(line: np.ndarray, low: float, high: float) -> str:
    across = np.linspace(0, WIDTH, len(line))
    down = HEIGHT * (1 - (line - low) / ((high - low) or 1))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
