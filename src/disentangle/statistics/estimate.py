"""A value with its interval, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A statistic and its uncertainty; NaN if not estimated."""

    value: float
    low: float = math.nan
    """Lower end of its 95 % interval."""
    high: float = math.nan
    n: int = 0
    """Number of rows."""
    note: str = ""
    """Why the value or its interval is missing; otherwise a remark for readers."""
    p: float = math.nan
    """For the hypothesis that the value is zero."""
    se: float = math.nan
    """Standard error."""
    df: int = 0
    """Degrees of freedom of that test."""

    @classmethod
    def unknown(cls, note: str, n: int = 0, df: int = 0) -> "Estimate":
        """No value, with the reason."""
        return cls(math.nan, n=n, note=note, df=df)
