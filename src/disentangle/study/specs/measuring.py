"""Specs of the jobs that measure and evaluate checkpoints."""

from disentangle.study.sections.measuring import Evaluation
from disentangle.study.specs.spec import Spec


class MeasureGeometry(Spec):
    """Measure matrices and representations of a cohort's checkpoints, or compare their layers."""

    domains: list[str]
    """On which representations are read."""
    max_tokens: int
    """A passage is read up to this many."""


class EvaluateCheckpoints(Spec):
    """Evaluate a cohort's checkpoints, as trained and as perturbed."""

    settings: Evaluation
    domains: list[str]
