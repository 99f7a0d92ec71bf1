"""Where values lie."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Where a column's values lie in our unit, and what other unit they may be in if not."""

    low: float
    high: float
    unit: str
    instead: str = ""


SHARE = Bounds(0, 1, "between 0 and 1", "in percent? Then times: 0.01")
PERCENT = Bounds(0, 100, "% of the dimension")
DIRECTIONS = Bounds(1, math.inf, "a number of directions")
COSINE = Bounds(-1, 1, "a cosine")
NORM = Bounds(0, math.inf, "a norm")
