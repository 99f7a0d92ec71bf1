"""Specs of the jobs that make tables and figures of runs."""

from disentangle.study.sections.observations import Observations
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.statistics import Calibration
from disentangle.study.specs.runs import ExternalSpec, RunSpec
from disentangle.study.specs.spec import Spec
from disentangle.vocabulary.user_metric import UserMetric


class Collect(Spec):
    """Put together the tables of what was trained and measured."""

    runs: list[RunSpec]
    external: list[ExternalSpec]
    metrics: list[UserMetric]
    """The study's own."""


class CollectLayers(Spec):
    """Put together the table of layers."""


class TakeObservations(Spec):
    """Take a table that others made."""

    reading: Observations
    outcomes: list[str] | None


class Simulate(Spec):
    """Ask the estimators of simulated studies of the design."""

    settings: Calibration
    seed: int
    runs: list[RunSpec]
    """What is trained; none where observations were taken from elsewhere."""


class DrawFigures(Spec):
    """Draw the figures of the report."""

    figures: list[str]
    perturbation: Perturbation
    runs: list[RunSpec]
