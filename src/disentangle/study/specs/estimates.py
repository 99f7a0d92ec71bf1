"""Specs of the jobs that estimate from the table of observations."""

from disentangle.study.sections.statistics import Statistics
from disentangle.study.specs.spec import Spec


class Regress(Spec):
    """Estimate associations of geometry with outcomes."""

    settings: Statistics
    domains: list[str]


class JudgeSaturation(Spec):
    """Judge late rises of the loss."""

    settings: Statistics


class CompareRuns(Spec):
    """Compare seeds, training choices and metrics."""

    settings: Statistics


class JudgeClaims(Spec):
    """Hold the paper's findings against the tables."""

    settings: Statistics
    targets: dict[str, str]
    """Fine-tuned variant to the domain that it was fine-tuned on."""
