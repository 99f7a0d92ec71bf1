"""The headline metrics, for use where all metrics are too many: of W, and of H on the id domain."""

from collections.abc import Iterable

from disentangle.vocabulary.metrics import BY_NAME
from disentangle.vocabulary.scores import LOSSES


def headline_metrics(metrics: Iterable[str], domains: Iterable[str]) -> list[str]:
    """The columns among `metrics` that are of W, or of H on the id domain.

    Args:
        metrics: columns of metrics.
        domains: held-out domains, whose names identify the columns of H on another domain.
    """
    others = tuple(f"H_{domain}_" for domain in domains)
    return [
        name
        for name in metrics
        # a domain's name may be the beginning of a metric's
        if not name.startswith(others) or name.removeprefix("H_") in BY_NAME
    ]


def loss_domains(outcomes: Iterable[str]) -> list[str]:
    """The held-out domains whose losses are among the outcomes."""
    return sorted(
        {
            name.removesuffix(loss.ending)
            for name in outcomes
            for loss in LOSSES
            if name.endswith(loss.ending)
        }
    )
