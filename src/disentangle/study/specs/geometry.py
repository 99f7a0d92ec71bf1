"""The spec of the jobs that measure matrices."""

from disentangle.study.specs.spec import Spec


class MeasureGeometry(Spec):
    """Measure matrices and representations of a cohort's checkpoints, or compare their layers."""

    domains: list[str]
    """On which representations are read."""
    max_tokens: int
    """A passage is read up to this many."""
