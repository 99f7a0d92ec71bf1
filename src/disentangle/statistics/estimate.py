"""A figure with its interval, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval; NaN with a note that says why it is unknown."""

    value: float
    low: float
    high: float
    n: int
    note: str = ""
    p: float = math.nan
    """Of a value of zero, where that is tested."""

    @classmethod
    def unknown(cls, note: str, n: int = 0) -> "Estimate":
        return cls(math.nan, math.nan, math.nan, n, note)
