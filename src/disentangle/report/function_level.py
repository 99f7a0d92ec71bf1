"""Metrics of W beside the same metrics of what the model's function fixes."""

import pandas as pd

from disentangle.vocabulary.matrices import FUNCTION_LEVEL, W

SHOWN = ("effective_rank_pct", "spectral_entropy_rank", "stable_rank")


def beside_function_level(associations: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Rows of the associations of some metrics of W, each followed by those at function level.

    Args:
        associations: the associations table, one variant.
        outcome: which outcome.

    Returns:
        No row if nothing was measured at function level.
    """
    kinds = (W, *FUNCTION_LEVEL)
    order = [f"{kind.name}_{metric}" for metric in SHOWN for kind in kinds]
    found = associations[associations["outcome"] == outcome].set_index("metric")
    known = [metric for metric in order if metric in found.index]
    if not any(metric.startswith(f"{FUNCTION_LEVEL[0].name}_") for metric in known):
        return associations[:0]
    return found.loc[known].reset_index()[associations.columns]
