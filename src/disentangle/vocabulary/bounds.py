"""Valid ranges of values."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Valid range of a column in our unit, and the unit that other values may have."""

    low: float
    high: float
    unit: str
    instead: str = ""


SHARE = Bounds(0, 1, "between 0 and 1", "in percent? times: 0.01 converts it")
PERCENT = Bounds(0, 100, "% of the dimension")
DIRECTIONS = Bounds(1, math.inf, "a number of directions")
COSINE = Bounds(-1, 1, "a cosine")
NORM = Bounds(0, math.inf, "a norm")
RATIO = Bounds(1, math.inf, "a ratio, at least 1")
EXPONENT = Bounds(1, math.inf, "an exponent above 1")
ANY = Bounds(-math.inf, math.inf, "a number")
