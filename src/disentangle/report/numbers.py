"""Formatting of numbers on the page."""

import numpy as np

UNKNOWN = "–"

NO_BREAK = "\N{NO-BREAK SPACE}"
"""Used within brackets, so that a narrow column breaks before them."""


def interval(value: float, low: float, high: float) -> str:
    """A number with its interval, or a dash: '-0.42 [-0.71, -0.05]'."""
    if not np.isfinite(value):
        return UNKNOWN
    shown = f"{value:+.2f}"
    return f"{shown} [{low:+.2f},{NO_BREAK}{high:+.2f}]" if np.isfinite(low) else shown


def significant(value: float, low: float, high: float) -> str:
    """The same in significant digits, for quantities with units."""
    if not np.isfinite(value):
        return UNKNOWN
    shown = _significant(value)
    if not np.isfinite(low):
        return shown
    return f"{shown} [{_significant(low)},{NO_BREAK}{_significant(high)}]"


def _significant(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.2g}"


def probability(value: float | None) -> str:
    """A p or q value; never shown as 0."""
    if value is None or value != value:
        return UNKNOWN
    return f"<{NO_BREAK}0.001" if value < 0.001 else f"{value:.3f}"


def number(value: float | None, digits: int = 2) -> str:
    """A number for a table; a dash if there is none."""
    return UNKNOWN if value is None or value != value else f"{value:,.{digits}f}"


def with_error(value: float, error: float) -> str:
    """A number with its standard error."""
    return f"{value:+.2f} ± {error:.2f}" if value == value else UNKNOWN


def counted(n: int, one: str, many: str = "") -> str:
    """'1 model', '3 models'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def spread(low: float, high: float) -> str:
    """'51 to 91', or one number where both are the same."""
    return low_shown if (low_shown := f"{low:.0f}") == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
