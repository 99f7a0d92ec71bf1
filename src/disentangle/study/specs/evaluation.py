"""The spec of the jobs that evaluate checkpoints."""

from disentangle.study.sections.measuring import Evaluation
from disentangle.study.specs.spec import Spec


class EvaluateCheckpoints(Spec):
    """Evaluate a cohort's checkpoints, as trained and as perturbed."""

    settings: Evaluation
    domains: list[str]
