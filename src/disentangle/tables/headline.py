"""The headline metrics, for use where all metrics are too many: those of no domain but id."""

from collections.abc import Iterable

from disentangle.vocabulary.matrices import KINDS
from disentangle.vocabulary.metrics import BY_NAME
from disentangle.vocabulary.scores import LOSSES


def headline_metrics(metrics: Iterable[str], domains: Iterable[str]) -> list[str]:
    """The columns among `metrics` that are of no domain, or of the domain id.

    Args:
        metrics: columns of metrics.
        domains: held-out domains, whose names identify the columns of another domain.
    """
    by_domain = [kind.name for kind in KINDS if kind.by_domain]
    others = tuple(f"{matrix}_{domain}_" for matrix in by_domain for domain in domains)
    return [
        name
        for name in metrics
        # a domain's name may be the beginning of a metric's
        if not name.startswith(others) or name.partition("_")[2] in BY_NAME
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
