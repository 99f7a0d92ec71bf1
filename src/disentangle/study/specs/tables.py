"""Specs of the jobs that make tables, figures and the report."""

from disentangle.study.config import StudyConfig
from disentangle.study.sections.observations import Observations
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.statistics import Calibration, Statistics
from disentangle.study.specs.spec import ExternalSpec, RunSpec, Spec


class Collect(Spec):
    """Put together the tables of what was trained and measured."""

    runs: list[RunSpec]
    external: list[ExternalSpec]


class CollectLayers(Spec):
    """Put together the table of layers."""


class TakeObservations(Spec):
    """Take a table that others made."""

    reading: Observations
    outcomes: list[str] | None


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


class WriteReport(Spec):
    """Write the report."""

    study: StudyConfig
    """All but how it is run, which the table of costs says."""
    tables: list[str]
    cohorts: dict[str, list[str]]
    """Cohort to names of its runs."""
