"""Comparison of tied and untied heads over pairs of runs that differ in nothing else."""

from typing import Any

import pandas as pd

from disentangle.study.run import Run
from disentangle.tables.comparable import final_runs
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME


def tying_pairs(runs: dict[str, Run], observations: pd.DataFrame) -> list[dict[str, Any]]:
    """Compare tied and untied runs of the same shape, configuration and seed.

    Returns:
        One record per shape that was trained both ways: the names of the two sizes, the number of
        pairs, the means of rank and loss for both kinds, and the mean and standard deviation of
        the difference (tied minus untied).
    """
    finals = final_runs(observations, "base")
    finals = finals[finals["run"].isin(runs)]
    if finals.empty:
        return []
    shapes = {
        name: (run.size.d_model, run.size.n_layers, run.size.n_heads) for name, run in runs.items()
    }
    finals = finals.assign(
        shape=finals["run"].map(shapes),
        tied=[runs[name].model.tied for name in finals["run"]],
    )
    paired = finals[finals["tied"]].merge(
        finals[~finals["tied"]],
        on=["shape", "configuration", "seed"],
        suffixes=("_tied", "_untied"),
    )
    records = []
    for _, pairs in paired.groupby("shape", sort=False):
        record = {
            "tied": pairs["size_tied"].iloc[0],
            "untied": pairs["size_untied"].iloc[0],
            "n": len(pairs),
        }
        for name, column in (("rank", CHIEF_METRIC), ("loss", CHIEF_OUTCOME)):
            difference = pairs[f"{column}_tied"] - pairs[f"{column}_untied"]
            record |= {
                f"{name}_tied": pairs[f"{column}_tied"].mean(),
                f"{name}_untied": pairs[f"{column}_untied"].mean(),
                f"{name}_difference": difference.mean(),
                f"{name}_sd": difference.std(),
            }
        records.append(record)
    return records
