"""Loss curve as an SVG, which takes its colours from the page's style sheet."""

from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT = 320, 96  # of the SVG's view box
MAX_POINTS = 160  # longer series are reduced to the means of this many bins
EMA_DECAY = 0.9  # of the smooth line, an exponential moving average of the points


def loss_curve_html(losses: Sequence[float], label: str) -> str:
    """The losses as a faint line and as a smooth one; empty for fewer than two losses."""
    if len(losses) < 2:
        return ""
    bins = np.array_split(np.asarray(losses, float), min(MAX_POINTS, len(losses)))
    means = np.array([values.mean() for values in bins])
    smooth = _moving_average(means)
    low, high = float(means.min()), float(means.max())
    lines = "".join(
        f'<polyline class="{css_class}" points="{_svg_points(values, low, high)}"/>'
        for css_class, values in (("raw", means), ("smooth", smooth))
    )
    return (
        f'<figure class="curve"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{lines}</svg><figcaption><span>{label}</span>'
        f"<span>{means[0]:.3f} → {smooth[-1]:.3f}</span></figcaption></figure>"
    )


def _moving_average(values: np.ndarray) -> np.ndarray:
    """Exponential moving average of values (N,), which starts at the first value -> (N,)."""
    averages, average = [], values[0]
    for value in values:
        average = EMA_DECAY * average + (1 - EMA_DECAY) * value
        averages.append(average)
    return np.array(averages)


def _svg_points(values: np.ndarray, low: float, high: float) -> str:
    """Values (N,) as the points of a polyline: `low` at the bottom of the view box, `high` at its top."""
    x = np.linspace(0, WIDTH, len(values))
    y = HEIGHT * (1 - (values - low) / ((high - low) or 1))
    return " ".join(f"{left:.1f},{top:.1f}" for left, top in zip(x, y, strict=True))
