"""How associations are estimated."""

from typing import Annotated

from pydantic import Field

from disentangle.study.sections.section import Section, Seed


class Calibration(Section):
    """Simulated studies of the same design, which show how good the estimators are."""

    studies: int = Field(500, ge=50, le=10**6)
    """Simulated studies per data-generating process and effect."""
    with_intervals: int = Field(100, ge=20, le=10**6)
    """Number of these studies with intervals too; intervals take most of the time."""
    effects: list[Annotated[float, Field(gt=0, lt=1)]] = Field([0.5])
    """Correlations to plant, besides 0."""
    noise: float = Field(0.3, gt=0, le=100)
    """Standard deviation of the random differences between runs; each training choice moves metric
    and outcome by about 0.5."""
    resamples: int = Field(200, ge=100, le=10**6)
    """Bootstrap resamples per interval of a simulated study."""


class Statistics(Section):
    """How associations are estimated."""

    outcomes: list[str] | None = None
    """Columns of the observations table; default: bits per byte on every domain."""
    resamples: int = Field(1000, ge=100, le=10**6)
    """Bootstrap resamples per interval."""
    tolerance: float = Field(0.01, gt=0)
    """Late rise of a loss (bits per byte) or late drop of a task's score that is ignored."""
    bound: float = Field(0.01, gt=0)
    """Of an experiment on W: change of loss (bits per byte) per tenth of R / d that counts as
    none. Fix it before the study runs."""
    error_correlation: float = Field(0, ge=0, lt=1)
    """Assumed correlation between the errors of two checkpoints that were evaluated on the same
    passages, where the losses of single passages are not known. 0 makes verdicts conservative."""
    seed: Seed = 0
    """Seed of the resampling."""
    calibration: Calibration = Calibration()
