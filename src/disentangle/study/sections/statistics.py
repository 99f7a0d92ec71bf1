"""How associations are estimated."""

from pydantic import Field

from disentangle.study.sections.section import Section


class Statistics(Section):
    """How associations are estimated."""

    outcomes: list[str] | None = None
    """Columns of the observations table; by default bits per byte on every domain."""
    resamples: int = Field(1000, ge=100)
    """Bootstrap resamples per interval."""
    tolerance: float = Field(0.01, gt=0)
    """Late rise of a loss that does not matter, bits per byte; late fall of a task's score."""
    seed: int = Field(0, ge=0)
