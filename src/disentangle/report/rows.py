"""What the page's tables show: the study's tables, as records with their figures spelled."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from disentangle.checkpoint.subjects import BASE
from disentangle.figures.metric_agreement import clusters
from disentangle.report.findings import interval
from disentangle.report.perturbed import changes
from disentangle.study.config import StudyConfig
from disentangle.study.external import EXTERNAL
from disentangle.study.perturbation import variants
from disentangle.study.run import Run
from disentangle.tables.collect import QUARANTINED

SLOPES = ("slope", "at_lowest", "at_highest", "at_smallest", "at_largest")

COUNTED = "number of"
"""How the quantity of a test begins that counts: its interval is what was found and what may be."""

MOST_RUNS = 10_000
"""Beyond this many runs it is only said that it would be more."""

VERDICTS = ("saturated", "not saturated", "undecided")


def finals(runs: dict[str, Run], observations: pd.DataFrame) -> list[dict[str, Any]]:
    """One record per run, with the observations of its last planned checkpoint if it has one."""
    final = observations[observations["final"] & (observations["variant"] == "base")]
    by_run = final.set_index("run").to_dict("index")
    return [{"run": run, "seen": by_run.get(name)} for name, run in runs.items()]


def external_models(observations: pd.DataFrame) -> list[dict[str, Any]]:
    """The last checkpoint of every model from elsewhere."""
    final = observations[observations["final"] & (observations["configuration"] == EXTERNAL)]
    return records(final.sort_values("params_non_embedding"))


def tasks(evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    """Per task and metric: how the final checkpoints score, over all runs."""
    scores = evaluation[~evaluation["task"].str.startswith("heldout_")]
    summary = scores.groupby(["task", "metric"], as_index=False).agg(
        mean=("value", "mean"), lowest=("value", "min"), highest=("value", "max"), n=("n", "max")
    )
    return records(summary)


def claims(claims: pd.DataFrame, tests: pd.DataFrame) -> list[dict[str, Any]]:
    """The ledger, each claim with its tests; what was found is written with what it is."""
    by_test = {(row["claim"], row["part"]): _spelled(row) for row in records(tests)}
    ledger = []
    for row in records(claims):
        deciding = by_test.get((row["claim"], row["test"]), {"found": "–"})
        parts = [test for (claim, _), test in by_test.items() if claim == row["claim"]]
        spelled = {"found": deciding["found"], "parts": parts}
        ledger.append(row | spelled | {"runs_to_decide": runs_needed(row["runs_to_decide"])})
    return ledger


def _spelled(test: dict[str, Any]) -> dict[str, Any]:
    value, low, high = test["observed"], test["low"], test["high"]
    if value != value:
        return test | {"found": "–"}
    if test["quantity"].startswith(COUNTED):
        most = "" if high == low else f" to {high:.0f}"
        return test | {"found": f"{value:.0f}{most}"}
    return test | {"found": f"{test['quantity']} = {interval(value, low, high)}"}


def runs_needed(runs: float) -> str:
    """How many runs would decide, as far as that is worth saying."""
    if runs != runs:
        return "–"
    return f"more than {MOST_RUNS:,}" if runs > MOST_RUNS else f"{runs:,.0f}"


def with_intervals(table: pd.DataFrame, figures: Sequence[str]) -> list[dict[str, Any]]:
    """Rows in which each of these figures is written with its interval."""
    return [
        row
        | {name: interval(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in figures}
        for row in records(table)
    ]


def effects(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The effects table, slopes with their intervals in significant digits: units differ by row."""

    def spelled(value: float, low: float, high: float) -> str:
        known = value == value
        return f"{value:+.2g} [{low:+.2g}, {high:+.2g}]" if known else "not estimable"

    return [
        row
        | {
            name: spelled(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
            for name in SLOPES
        }
        for row in records(table)
    ]


def cluster_members(agreement: pd.DataFrame) -> list[list[str]]:
    """Metrics by cluster; those that are the same for all models are in none."""
    if agreement.empty:
        return []
    cluster = clusters(agreement)
    return [list(cluster.index[cluster == number]) for number in range(1, cluster.max() + 1)]


def calibration_ranges(calibration: pd.DataFrame) -> list[dict[str, str]]:
    """Per estimator: least and most, over worlds, of what it finds and of its coverage."""

    def spread(values: pd.Series) -> str:
        known = 100 * values.dropna()
        return f"{known.min():.1f} to {known.max():.1f}" if len(known) else "–"

    return [
        {
            "estimator": str(estimator),
            "false_positives": spread(rows.loc[rows["planted_rho"] == 0, "found"]),
            "power": spread(rows.loc[rows["planted_rho"] > 0, "found"]),
            "coverage": spread(rows["coverage"]),
        }
        for estimator, rows in calibration.groupby("estimator", sort=False)
    ]


def verdicts(saturation: pd.DataFrame) -> list[dict[str, Any]]:
    """Per loss: how many runs are judged how, and where the rank of the saturated ones peaked."""
    return [
        {
            "outcome": outcome,
            **{verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS},
            "rank_first": int(
                ((rows["verdict"] == "saturated") & (rows["rank_order"] == "before")).sum()
            ),
        }
        for outcome, rows in saturation.groupby("outcome", sort=True)
    ]


def by_variant(
    study: StudyConfig,
    domains: list[str],
    observations: pd.DataFrame,
    associations: pd.DataFrame,
) -> dict[str, dict[str, Any]]:
    """Per variant: its losses, and what geometry has to do with them."""
    changed = changes(observations, domains)
    found = sorted(set(observations["variant"]) - {BASE})
    return {
        variant: {
            "losses": [row for row in changed if row["variant"] == variant],
            "associations": association_rows(associations[associations["variant"] == variant]),
        }
        for variant in variants(study.perturbation) or found
    }


def association_rows(associations: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "outcome": row["outcome"],
            "metric": row["metric"],
            "n": row["n"],
            "raw": interval(row["rho"], row["rho_low"], row["rho_high"]),
            "partial": interval(row["partial_rho"], row["partial_low"], row["partial_high"]),
            "q": row["partial_q"],
            "residual": interval(row["residual_rho"], row["residual_low"], row["residual_high"]),
            "residual_p": row["residual_p"],
            "within": interval(row["within_rho"], row["within_low"], row["within_high"]),
            "within_p": row["within_p"],
            "within_q": row["within_q"],
            "delta": interval(row["delta_r2"], row["delta_r2_low"], row["delta_r2_high"]),
            "delta_design": interval(
                *(row[f"delta_r2_design{end}"] for end in ("", "_low", "_high"))
            ),
            "along": with_error(row["mixed_run_coef"], row["mixed_run_se"]),
            "note": row["note"],
        }
        for row in records(associations)
    ]


def with_error(value: float, error: float) -> str:
    return f"{value:+.2f} ± {error:.2f}" if value == value else "–"


def set_aside_counts(missing: pd.DataFrame) -> dict[str, int]:
    """Checkpoints as trained that were refused: where they were brought in, and afterwards."""
    refused = missing[(missing["state"] == QUARANTINED) & ~missing["stage"].str.contains(" of ")]
    brought_in = refused["stage"] == "checkpoint"
    return {
        "brought_in": len(refused[brought_in]),
        "measured": len(refused.loc[~brought_in, ["run", "step"]].drop_duplicates()),
    }


def checkpoints_expected(tables: dict[str, pd.DataFrame]) -> int:
    """Checkpoints that the study plans: those that are there, and those that are not."""
    if "checkpoints" not in tables:
        return 0
    absent = tables["missing"].query("stage == 'checkpoint'")
    return len(tables["checkpoints"]) + len(absent)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
