"""Specs of the jobs that estimate."""

from disentangle.study.sections.statistics import Statistics
from disentangle.study.specs.spec import Spec


class JudgeNeighbours(Spec):
    """Look for the findings of neighbouring papers, and judge them."""

    findings: list[str]
    """Their names in `study.findings`."""
    targets: dict[str, str]
    """Fine-tuned variant to the held-out domain that it was fine-tuned on."""
    rates: dict[str, float]
    """Fine-tuned variant to its learning rate, as a multiple of the optimizer's."""
    resamples: int
    seed: int


class AnalyzeExperiment(Spec):
    """Estimate what an experiment on W shows."""

    settings: Statistics


class Analyze(Spec):
    """Compute all estimates from the observations."""

    settings: Statistics
    domains: list[str]
    """Held-out domains whose losses are outcomes."""
    finetuned: dict[str, str]
    """Fine-tuned variant to the domain it was fine-tuned on."""
