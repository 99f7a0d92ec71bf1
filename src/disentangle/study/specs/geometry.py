"""Specs of the jobs that measure matrices and layers."""

from disentangle.study.sections.surgery import Surgery
from disentangle.study.specs.runs import RunSpec
from disentangle.study.specs.spec import Spec
from disentangle.vocabulary.user_metric import UserMetric


class MeasureMatrices(Spec):
    """Measure the matrices of every layer of a cohort's checkpoints."""


class MeasureGradients(Spec):
    """Measure the gradients of a cohort's checkpoints."""

    runs: list[RunSpec]
    batches: int
    """How many steps' batches a gradient is averaged over."""


class MeasureSurgery(Spec):
    """Measure the spectra of a cohort's last checkpoints after surgery."""

    runs: list[RunSpec]
    surgery: Surgery


class CompareLayers(Spec):
    """Compare the layers of a cohort's checkpoints."""

    domains: list[str]
    """Domains whose representations are computed."""
    max_tokens: int
    """At most this many tokens of a passage."""


class MeasureGeometry(CompareLayers):
    """Measure matrices and representations of a cohort's checkpoints."""

    metrics: list[UserMetric]
    """The user's own metrics."""
