"""Does the rank of the weights foretell what quantization, truncation and pruning cost?"""

from typing import Any

import pandas as pd

from disentangle.neighbours.chosen_truncations import chosen_truncations
from disentangle.neighbours.suite import Suite
from disentangle.statistics.design import design_matrix, families, varying
from disentangle.statistics.partial import partial_spearman
from disentangle.statistics.residual import residual_spearman
from disentangle.statistics.spearman import spearman
from disentangle.study.perturbation import compression_of
from disentangle.tables.comparable import comparable_runs, final_runs
from disentangle.tables.compression import CHOSEN_TRUNCATIONS, COMPRESSED, COMPRESSION, LEFT
from disentangle.tables.select import CHIEF_METRIC, chief_outcome, losses
from disentangle.vocabulary.scores import CHANGE, STDERR

__all__ = ["MATRICES", "W", "compressed_rows", "cost_and_rank", "tables_of"]

W, MATRICES = "W", "matrices"
"""Whose effective rank before compression is set beside its cost: that of W, or the mean over the
matrices that are compressed."""

_SAID = ("kind", "method", "strength", "matrices", "layers")
_NUMBERS = ("kept", "numbers", "energy", "rank_pct")


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The tables `compressed`, `compression` and `chosen_truncations`."""
    compressed = compressed_rows(suite)
    chosen = pd.DataFrame(columns=CHOSEN_TRUNCATIONS.schema.names)
    if suite.passages is not None:
        chosen = chosen_truncations(suite.runs, suite.passages, seed=suite.seed)
    return {
        "compressed": compressed,
        "compression": cost_and_rank(suite, compressed),
        "chosen_truncations": chosen,
    }


def compressed_rows(suite: Suite) -> pd.DataFrame:
    """What compression left of each run's last checkpoint, and the loss that it added.

    Returns:
        One row per run and variant of `study.perturbation.compression_of`, with the columns of
        `COMPRESSED`. GPTQ's weights are not measured, so its rows say its cost alone.
    """
    observations = suite.observations
    changed = f"{chief_outcome(losses(observations))}{CHANGE}"
    left = suite.compression
    if left is None:
        left = LEFT.schema.empty_table().to_pandas()
    found = []
    for variant in sorted(observations["variant"].unique()):
        kind = compression_of(variant)
        if kind is None or changed not in observations:
            continue
        rows = final_runs(observations, variant)
        rows = rows.dropna(subset=[changed]).rename(columns={changed: "added"})
        rows["added_stderr"] = rows.get(f"{changed}{STDERR}", float("nan"))
        rows = rows[["run", "size", "step", "variant", "added", "added_stderr"]]
        found.append(rows.assign(kind=kind).merge(left, on=["run", "step", "variant"], how="left"))
    if not found:
        return pd.DataFrame(columns=COMPRESSED.schema.names)
    every = pd.concat(found, ignore_index=True)
    quantized = every["kind"] == "quantized"
    bits = every["variant"].str.extract(r"(\d+)", expand=False)
    for name, said in (
        ("method", "gptq"),
        ("strength", "bits " + bits),
        ("matrices", "all of the layers"),
        ("layers", "all"),
    ):
        every[name] = every[name].astype(object).mask(quantized, said)
    return every.astype(dict.fromkeys(_NUMBERS, float))[COMPRESSED.schema.names]


def cost_and_rank(suite: Suite, compressed: pd.DataFrame) -> pd.DataFrame:
    """The rank before compression beside the loss that it adds, over runs.

    Returns:
        One row per variant and rank (of `W`, and of the `MATRICES` if it was measured), with the
        columns of `COMPRESSION`: Spearman's rho as it is, given the training choices in ranks, and
        of the residuals on the design.
    """
    observations, found = suite.observations, []
    for variant, rows in compressed.groupby("variant", sort=True):
        runs = comparable_runs(observations, str(variant))
        known = runs.merge(rows[["run", "rank_pct", "added"]], on="run")
        about = {name: rows[name].iloc[0] for name in _SAID}
        means = {name: rows[name].mean() for name in ("kept", "numbers", "energy", "added")}
        for rank_of, column in ((W, CHIEF_METRIC), (MATRICES, "rank_pct")):
            if column not in known or known[column].isna().all():
                continue
            place = {"variant": variant, "rank_of": rank_of} | about | means
            found.append(place | _estimates(known.dropna(subset=[column]), column, suite))
    return pd.DataFrame(found, columns=COMPRESSION.schema.names)


def _estimates(rows: pd.DataFrame, rank: str, suite: Suite) -> dict[str, object]:
    x, y = rows[rank].to_numpy(float), rows["added"].to_numpy(float)
    how: dict[str, Any] = {
        **{"clusters": families(rows), "resamples": suite.resamples, "seed": suite.seed}
    }
    every = {
        "rho": spearman(x, y, **how),
        "partial": partial_spearman(x, y, rows[varying(rows)].to_numpy(float), **how),
        "residual": residual_spearman(x, y, design_matrix(rows), **how),
    }
    found: dict[str, object] = {"n": len(rows)}
    for name, estimate in every.items():
        found |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    notes = (f"{name}: {estimate.note}" for name, estimate in every.items() if estimate.note)
    return found | {"note": "; ".join(notes)}
