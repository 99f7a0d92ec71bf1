"""Rows of the page's tables: the study's tables as records with formatted numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.claims.ledger import SLOPE
from disentangle.claims.metric_verdicts import VERDICTS as VERDICTS_ON_METRICS
from disentangle.figures.metric_agreement import clusters
from disentangle.report.claims import breaks_down
from disentangle.report.numbers import UNKNOWN, counted, interval, significant, with_error
from disentangle.report.perturbed import changes
from disentangle.statistics.associate import reason_of
from disentangle.study.config import StudyConfig
from disentangle.study.external import EXTERNAL
from disentangle.study.perturbation import is_surgery, variants
from disentangle.study.run import Run
from disentangle.tables.collect import QUARANTINED

SLOPES = ("slope", "at_lowest", "at_highest", "at_smallest", "at_largest")

COUNTED = "number of"
"""How the quantity of a counting test begins. Its interval is [number found, number possible]."""

FEWEST = 5
"""Fewest models for which an association is shown; fewer cannot be told from chance."""

NOTHING = 1e-5
"""Fraction of the sd between cells; a smaller sd between seeds is rounding error."""

MOST_RUNS = 10_000
"""Above this many runs the page says only "more than"."""

VERDICTS = ("saturated", "not saturated", "undecided")


def finals(runs: dict[str, Run], observations: pd.DataFrame) -> list[dict[str, Any]]:
    """One record per run, with the observations of its last planned checkpoint if it has one."""
    final = observations[observations["final"] & (observations["variant"] == "base")]
    by_run = final.set_index("run").to_dict("index")
    return [{"run": run, "seen": by_run.get(name)} for name, run in runs.items()]


def external_models(observations: pd.DataFrame) -> list[dict[str, Any]]:
    """The last checkpoint of every external model."""
    final = observations[observations["final"] & (observations["configuration"] == EXTERNAL)]
    return records(final.sort_values("params_non_embedding"))


def claims(claims: pd.DataFrame, tests: pd.DataFrame) -> list[dict[str, Any]]:
    """The ledger, each claim with its tests; results are formatted with their quantity."""
    by_test = {(row["claim"], row["part"]): _spelled(row) for row in records(tests)}
    ledger = []
    for row in records(claims):
        deciding = by_test.get((row["claim"], row["test"]), {"found": UNKNOWN})
        parts = [test for (claim, _), test in by_test.items() if claim == row["claim"]]
        spelled = {"found": deciding["found"], "parts": parts}
        ledger.append(row | spelled | {"runs_to_decide": runs_needed(row["runs_to_decide"])})
    return ledger


def _spelled(test: dict[str, Any]) -> dict[str, Any]:
    value, low, high = test["observed"], test["low"], test["high"]
    if value != value:
        return test | {"found": UNKNOWN}
    if test["quantity"].startswith(COUNTED):
        most = "" if high == low else f" to {high:.0f}"
        return test | {"found": f"{value:.0f}{most}"}
    spelled = significant if test["quantity"] == SLOPE else interval
    shown = f"{test['quantity']} = {spelled(value, low, high)}"
    if breaks_down(test["note"]):
        shown = UNKNOWN
    return test | {"found": shown}


def runs_needed(runs: float) -> str:
    """The number of runs needed to decide, capped at `MOST_RUNS`."""
    if runs != runs:
        return UNKNOWN
    return f"more than {MOST_RUNS:,}" if runs > MOST_RUNS else f"{runs:,.0f}"


def with_intervals(table: pd.DataFrame, figures: Sequence[str]) -> list[dict[str, Any]]:
    """Rows in which each of these numbers is formatted with its interval."""
    return [
        row
        | {name: interval(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in figures}
        for row in records(table)
    ]


def noise(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The noise table without quantities that do not depend on the seed beyond rounding."""
    repeated = table[table["cells_repeated"] > 0]
    changed = repeated["sd_within"] > NOTHING * repeated["sd_between"]
    return with_intervals(repeated[changed], ("icc",))


def effect_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The effects table; slopes and intervals in significant digits, because units differ by row.

    Rows without a slope are left out; `without_slope` gives the reasons.
    """
    return [
        row
        | {
            name: significant(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
            for name in SLOPES
        }
        for row in records(table[table["slope"].notna()])
    ]


def without_slope(table: pd.DataFrame) -> list[str]:
    """Choices without a slope on some response, each with the reason."""
    rows = table[table["slope"].isna()]
    found = dict.fromkeys(
        f"{row['choice'].replace('_', ' ')}: {row['note']}" for row in records(rows)
    )
    return list(found)


def cluster_members(agreement: pd.DataFrame) -> list[list[str]]:
    """Metrics by cluster, without metrics that are the same for all models."""
    if agreement.empty:
        return []
    cluster = clusters(agreement)
    return [list(cluster.index[cluster == number]) for number in range(1, cluster.max() + 1)]


def calibration_ranges(calibration: pd.DataFrame) -> list[dict[str, str]]:
    """Range over processes of false positives, power and coverage, per estimator."""

    def spread(values: pd.Series) -> str:
        known = 100 * values.dropna()
        return f"{known.min():.1f} to {known.max():.1f}" if len(known) else UNKNOWN

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
    """Per loss: the number of runs per verdict, and of saturated runs whose rank peaked earlier."""
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
    """Per variant: its losses and their associations with geometry."""
    changed = changes(observations, domains)
    found = sorted(each for each in set(observations["variant"]) - {BASE} if not is_surgery(each))
    return {
        variant: {
            "losses": [row for row in changed if row["variant"] == variant],
            "associations": association_rows(associations[associations["variant"] == variant]),
        }
        for variant in variants(study.perturbation) or found
    }


@dataclass(frozen=True)
class Estimates:
    """Associations for a table of the page, and what was left out of it."""

    rows: list[dict[str, Any]]
    most: int
    """Largest number of models behind any association."""
    fixed: list[str]
    """Metrics that training choices or size determine, or that are the same for all models."""


def association_rows(associations: pd.DataFrame) -> Estimates:
    """The informative associations: at least five models, and a metric that the design does not
    determine."""
    most = int(associations["n"].max()) if len(associations) else 0
    known = records(associations[associations["n"] >= FEWEST])
    fixed = [row for row in known if _is_fixed(row)]
    return Estimates(
        rows=[_association(row) for row in known if row not in fixed],
        most=most,
        fixed=list(dict.fromkeys(row["metric"] for row in fixed)),
    )


def metric_rows(associations: pd.DataFrame, outcome: str) -> list[dict[str, Any]]:
    """One row per metric that can be judged on an outcome: what says most comes first."""
    of_outcome = associations[
        (associations["outcome"] == outcome) & (associations["n"] >= FEWEST)
    ].sort_values("residual_q", kind="stable")
    known = [row for row in records(of_outcome) if not _is_fixed(row)]
    found = [_association(row) | {"verdict": row["verdict"]} for row in known]
    return sorted(found, key=lambda row: VERDICTS_ON_METRICS.index(row["verdict"]))


def absent(missing: pd.DataFrame, anomalies: pd.DataFrame | None) -> str:
    """What a study lacks and what is odd in it, in a sentence."""
    runs = missing["run"].nunique()
    what = f"{counted(len(missing), 'value')} of {counted(runs, 'model')}" if len(missing) else ""
    odd = 0 if anomalies is None else len(anomalies)
    strange = f"{counted(odd, 'checkpoint')} looks odd" if odd == 1 else f"{odd} look odd"
    return (f"{what} missing" if what else "nothing") + (f"; {strange}." if odd else ".")


def _is_fixed(row: dict[str, Any]) -> bool:
    """Whether the design determines the metric or the outcome completely."""
    said = (reason_of(row["note"] or "", name) for name in ("raw", "delta_r2_design"))
    return any("constant" in reason for reason in said)


def _association(row: dict[str, Any]) -> dict[str, Any]:
    broken = breaks_down(reason_of(row["note"] or "", "delta_r2"))
    delta = interval(row["delta_r2"], row["delta_r2_low"], row["delta_r2_high"])
    return {
        "outcome": row["outcome"],
        "metric": row["metric"],
        "n": row["n"],
        "raw": interval(row["rho"], row["rho_low"], row["rho_high"]),
        "by_size": interval(row["by_size_rho"], row["by_size_low"], row["by_size_high"]),
        "partial": interval(row["partial_rho"], row["partial_low"], row["partial_high"]),
        "q": row["partial_q"],
        "residual": interval(row["residual_rho"], row["residual_low"], row["residual_high"]),
        "residual_p": row["residual_p"],
        "residual_q": row["residual_q"],
        "within": interval(row["within_rho"], row["within_low"], row["within_high"]),
        "within_p": row["within_p"],
        "within_q": row["within_q"],
        "delta": "breaks down" if broken else delta,
        "delta_design": interval(*(row[f"delta_r2_design{end}"] for end in ("", "_low", "_high"))),
        "along": with_error(row["mixed_run_coef"], row["mixed_run_se"]),
        "note": row["note"],
    }


def quarantined_counts(missing: pd.DataFrame) -> dict[str, int]:
    """Number of quarantined base checkpoints, by whether it happened at import or later."""
    quarantined = missing[
        (missing["state"] == QUARANTINED) & ~missing["stage"].str.contains(" of ")
    ]
    imported = quarantined["stage"] == "checkpoint"
    return {
        "imported": len(quarantined[imported]),
        "measured": len(quarantined.loc[~imported, ["run", "step"]].drop_duplicates()),
    }


def checkpoints_expected(tables: dict[str, pd.DataFrame]) -> int:
    """Number of checkpoints that the study plans, whether present or absent."""
    if "checkpoints" not in tables:
        return 0
    absent = tables["missing"].query("stage == 'checkpoint'")
    return len(tables["checkpoints"]) + len(absent)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
