"""How associations are estimated."""

from typing import Annotated

from pydantic import Field

from disentangle.study.sections.section import Section, Seed


class Calibration(Section):
    """Simulated studies of the same design, by which the estimators are judged."""

    studies: int = Field(500, ge=50, le=10**6)
    """Per data-generating process and effect."""
    with_intervals: int = Field(100, ge=20, le=10**6)
    """Of these, how many are also given intervals, which take most of the time."""
    effects: list[Annotated[float, Field(gt=0, lt=1)]] = Field([0.5])
    """Correlations to plant, beside none."""
    noise: float = Field(0.3, gt=0, le=100)
    """Standard deviation of what differs between runs by chance; each training choice moves metric
    and outcome by about 0.5."""
    resamples: int = Field(200, ge=100, le=10**6)
    """Bootstrap resamples per interval of a simulated study."""


class Statistics(Section):
    """How associations are estimated."""

    outcomes: list[str] | None = None
    """Columns of the observations table; by default bits per byte on every domain."""
    resamples: int = Field(1000, ge=100, le=10**6)
    """Bootstrap resamples per interval."""
    tolerance: float = Field(0.01, gt=0)
    """Late rise of a loss that does not matter, bits per byte; late fall of a task's score."""
    seed: Seed = 0
    """Of the resamples."""
    calibration: Calibration = Calibration()
