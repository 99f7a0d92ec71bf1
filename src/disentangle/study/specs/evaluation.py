"""The spec of the jobs that evaluate checkpoints."""

from disentangle.study.sections.measuring import Evaluation
from disentangle.study.specs.spec import Spec


class EvaluateCheckpoints(Spec):
    """Evaluate a cohort's checkpoints, as trained and as perturbed."""

    settings: Evaluation
    domains: list[str]


class FollowTokens(Spec):
    """Follow the loss of each token over a cohort's checkpoints."""

    passages: int
    """How many passages of domain id are read."""
    max_tokens: int
    """Each up to this many tokens."""
