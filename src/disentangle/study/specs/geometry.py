"""Specs of the jobs that measure matrices and layers."""

from disentangle.study.specs.spec import Spec
from disentangle.vocabulary.user_metric import UserMetric


class CompareLayers(Spec):
    """Compare the layers of a cohort's checkpoints."""

    domains: list[str]
    """On which representations are read."""
    max_tokens: int
    """A passage is read up to this many."""


class MeasureGeometry(CompareLayers):
    """Measure matrices and representations of a cohort's checkpoints."""

    metrics: list[UserMetric]
    """The study's own, beside ours."""
