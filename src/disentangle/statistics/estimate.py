"""A figure with its interval, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A statistic and what is known of its error; NaN where that is not estimated."""

    value: float
    low: float = math.nan
    """Lower end of its 95 % interval."""
    high: float = math.nan
    n: int = 0
    """Rows it rests on."""
    note: str = ""
    """Why the value or its interval is missing; else what a reader should know."""
    p: float = math.nan
    """Of a value of zero."""
    se: float = math.nan
    """Standard error."""
    df: int = 0
    """Degrees of freedom that the test of zero has."""

    @classmethod
    def unknown(cls, note: str, n: int = 0, df: int = 0) -> "Estimate":
        """No value, and why."""
        return cls(math.nan, n=n, note=note, df=df)
