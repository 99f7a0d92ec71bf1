"""The spec of the report, which shows the whole study file."""

from disentangle.study.config import StudyConfig
from disentangle.study.specs.spec import Spec


class WriteReport(Spec):
    """Write the report."""

    study: StudyConfig
    """All but how it is run, which the table of costs says."""
    tables: list[str]
    cohorts: dict[str, list[str]]
    """Cohort to names of its runs."""
