"""A small forest plot: one interval per study on a common scale, as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, ROW, LABELS = 420, 22, 110
"""Pixels: of the whole, of a row's height, and of the labels at the left."""


@dataclass(frozen=True)
class Line:
    """A row of the plot."""

    label: str
    value: float
    low: float
    high: float
    pooled: bool = False
    """Drawn as a diamond, as is the custom."""


def interval(value: float, low: float, high: float) -> str:
    """A number with its 95 % interval, if there is one; counts without sign and decimals."""
    if not math.isfinite(value):
        return "-"
    if not math.isfinite(low + high):
        return f"{value:+.2f}"
    is_count = all(end >= 0 and float(end).is_integer() for end in (value, low, high))
    shown = "{:.0f} [{:.0f}, {:.0f}]" if is_count else "{:+.2f} [{:+.2f}, {:+.2f}]"
    return shown.format(value, low, high)


def forest(lines: Sequence[Line]) -> str:
    """Intervals under each other, with a line at zero and the ends of the scale below.

    The scale is that of correlations, -1 to 1, if all is inside; otherwise it is as wide as needed.

    Args:
        lines: rows with finite numbers, at least one.
    """
    low, high = _scale(lines)
    height = ROW * len(lines) + 18
    told = "; ".join(f"{line.label} {interval(line.value, line.low, line.high)}" for line in lines)

    def x(value: float) -> float:
        return LABELS + 10 + (value - low) / (high - low) * (WIDTH - LABELS - 20)

    bottom = height - 16
    parts = [
        f'<svg class="forest" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(told)}">',
        f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="2" y2="{bottom}"/>',
    ]
    for i, line in enumerate(lines):
        parts += _drawn(line, x(line.low), x(line.value), x(line.high), ROW * i + ROW / 2)
    for value in dict.fromkeys((low, 0.0, high)):
        parts.append(
            f'<text x="{x(value):.1f}" y="{height - 3}" text-anchor="middle">{value:g}</text>'
        )
    return "".join([*parts, "</svg>"])


def _drawn(line: Line, left: float, middle: float, right: float, y: float) -> list[str]:
    label = line.label if len(line.label) <= 17 else f"{line.label[:16]}\N{HORIZONTAL ELLIPSIS}"
    text = f'<text x="0" y="{y + 4:.1f}">{escape(label)}</text>'
    if line.pooled:
        corners = f"{left:.1f},{y} {middle:.1f},{y - 5} {right:.1f},{y} {middle:.1f},{y + 5}"
        return [text, f'<polygon points="{corners}"/>']
    return [
        text,
        f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y}" y2="{y}"/>',
        f'<rect x="{middle - 3.5:.1f}" y="{y - 3.5}" width="7" height="7"/>',
    ]


def _scale(lines: Sequence[Line]) -> tuple[float, float]:
    ends = [0.0, *(end for line in lines for end in (line.value, line.low, line.high))]
    low, high = min(ends), max(ends)
    if low >= -1 and high <= 1:
        return -1.0, 1.0
    unit = 10 ** math.floor(math.log10(high - low))
    return math.floor(low / unit) * unit, math.ceil(high / unit) * unit
