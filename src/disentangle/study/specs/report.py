"""Spec of the report, which shows the whole study file."""

from disentangle.study.config import StudyConfig
from disentangle.study.specs.spec import Spec


class WriteReport(Spec):
    """Write the report."""

    study: StudyConfig
    """The study file without `execution`, which the table of costs covers."""
    tables: list[str]
    cohorts: dict[str, list[str]]
    """Cohort to names of its runs."""
