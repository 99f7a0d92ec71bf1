"""Spec of the job that estimates from the table of observations."""

from disentangle.study.sections.statistics import Statistics
from disentangle.study.specs.spec import Spec


class Analyze(Spec):
    """Estimate all that follows from the observations."""

    settings: Statistics
    domains: list[str]
    """Held-out domains whose losses are outcomes."""
    finetuned: dict[str, str]
    """Fine-tuned variant to the domain that it was fine-tuned on."""
