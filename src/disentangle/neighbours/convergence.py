"""How near each layer is to its final state early in training, beside the rank of its weights."""

import numpy as np
import pandas as pd

from disentangle.neighbours.suite import Suite
from disentangle.statistics.design import COLUMNS
from disentangle.statistics.design import hyperparameters as hyperparameters_of

SHARE = 0.2
"""The share of training at which layers are compared with their final state. Pooling over steps
would find an association in any suite: CKA is 1 at the end by construction."""

FACTOR = 1.5
"""A checkpoint counts as that share's if its own is within this factor."""

DOMAIN = "id"

WEIGHTS = {"attention": "OV", "mlp": "down"}
"""Part of a layer to the matrix that writes it: what a head's OV circuit writes, averaged over
heads; and the MLP's second matrix."""


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The table `convergence` of a suite whose layers were compared."""
    assert suite.layers is not None
    found = convergence(suite.runs, suite.layers, suite.matrices, suite.gradients)
    return {"convergence": found}


def convergence(
    runs: pd.DataFrame,
    layers: pd.DataFrame,
    matrices: pd.DataFrame | None,
    gradients: pd.DataFrame | None,
) -> pd.DataFrame:
    """One row per run, layer and part of it, at a fifth of the run's training.

    Args:
        runs: the last checkpoint of each run, with its choices: `comparable_runs`.
        layers: the layers table; the domain id, or else its first.
        matrices: the table of matrices, if it was made.
        gradients: the table of gradients, if it was made.

    Returns:
        run, step, share, layer (from 1), part, cka (debiased, to the last checkpoint), and
        weights_per and gradient_per, the proportional effective ranks of the part's matrix and of
        its gradient, NaN if they were not measured; with the run's size and choices. A run without
        a checkpoint near that share has no row.
    """
    domains = list(layers["domain"].unique())
    domain = DOMAIN if DOMAIN in domains or not domains else domains[0]
    rows = layers[(layers["domain"] == domain) & layers["part"].isin(list(WEIGHTS))]
    rows = rows.merge(runs[["run", "step"]].rename(columns={"step": "last"}), on="run")
    rows = rows[rows["step"] > 0].assign(share=lambda found: found["step"] / found["last"])
    distance = np.abs(np.log(rows["share"] / SHARE))
    nearest = distance == distance.groupby(rows["run"]).transform("min")
    rows = rows[nearest & (distance <= np.log(FACTOR))]
    found = rows[["run", "step", "share", "layer", "part"]].assign(
        cka=rows["cka_to_last_debiased"],
        weights_per=_of_matrix(rows, matrices),
        gradient_per=_of_matrix(rows, gradients),
    )
    choices = dict.fromkeys((*COLUMNS, *hyperparameters_of(runs)))
    return found.merge(runs[list(choices)], on="run").reset_index(drop=True)


def _of_matrix(rows: pd.DataFrame, matrices: pd.DataFrame | None) -> pd.Series:
    """The proportional effective rank of each row's matrix, as a mean over heads."""
    unknown = pd.Series(np.nan, index=rows.index)
    if matrices is None:
        return unknown
    keys = ["run", "step", "layer", "matrix"]
    means = matrices.dropna(subset=["layer"]).astype({"layer": np.int64})
    means = means.assign(layer=means["layer"] + 1)  # that table counts blocks from 0
    by_place = means.groupby(keys)["proportional_effective_rank"].mean()
    places = rows.assign(matrix=rows["part"].map(WEIGHTS))[keys]
    return pd.Series(by_place.reindex(pd.MultiIndex.from_frame(places)).to_numpy(), rows.index)
