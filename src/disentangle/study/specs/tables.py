"""Specs of the jobs that make tables and figures of runs."""

from disentangle.study.sections.observations import Observations
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.statistics import Calibration
from disentangle.study.specs.runs import ExternalSpec, RunSpec
from disentangle.study.specs.spec import Spec
from disentangle.vocabulary.user_metric import UserMetric


class Collect(Spec):
    """Collect the tables of what was trained and measured."""

    runs: list[RunSpec]
    external: list[ExternalSpec]
    metrics: list[UserMetric]
    """The user's own metrics."""


class CollectMatrices(Spec):
    """Collect the table of matrices."""


class CollectGradients(Spec):
    """Collect the table of gradients."""


class CollectLayers(Spec):
    """Collect the table of layers."""


class CollectSurgery(Spec):
    """Make the table of surgery."""

    runs: list[RunSpec]
    """Those that were operated on."""
    domains: list[str]
    """Held-out domains."""


class TakeObservations(Spec):
    """Read a table that others made."""

    reading: Observations
    outcomes: list[str] | None


class Simulate(Spec):
    """Test the estimators on simulated studies of this design."""

    settings: Calibration
    seed: int
    runs: list[RunSpec]
    """The study's runs; empty if the observations come from elsewhere."""


class DrawFigures(Spec):
    """Draw the figures of the report."""

    figures: list[str]
    perturbation: Perturbation
    runs: list[RunSpec]
