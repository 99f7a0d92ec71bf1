"""All associations of a study: as trained, and after each perturbation but surgery."""

from collections.abc import Sequence

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.statistics.associate import associate, regressions
from disentangle.study.perturbation import is_surgery
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.comparable import all_checkpoints, final_runs
from disentangle.tables.select import geometry_metrics, losses, outcomes
from disentangle.vocabulary.scores import BITS_PER_BYTE


def associate_variants(
    observations: pd.DataFrame, settings: Statistics, domains: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Associate every metric with every outcome, over the final checkpoints of each variant.

    Args:
        observations: the observations table.
        settings: the outcomes, the number of resamples and their seed.
        domains: held-out domains whose losses are outcomes; all domains by default.

    Returns:
        Rows of the associations and of the regressions table.
    """
    metrics = geometry_metrics(observations)
    explained = [BITS_PER_BYTE.of(domain) for domain in domains] or losses(observations)
    associations, fits = [], []
    for variant in sorted(observations.loc[observations["final"], "variant"].unique()):
        if is_surgery(variant):  # its geometry is not the one that its row has
            continue
        runs = final_runs(observations, variant)
        measured = outcomes(settings, explained, variant)
        found = associate(
            runs,
            measured,
            metrics,
            variant=variant,
            resamples=settings.resamples,
            seed=settings.seed,
            checkpoints=all_checkpoints(observations) if variant == BASE else None,
        )
        associations.append(found)
        fits.append(regressions(runs, measured, metrics, variant=variant))
    return pd.concat(associations), pd.concat(fits)
