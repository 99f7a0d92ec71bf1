"""Counterexamples: runs that prove existence claims, by name."""

import numpy as np
import pandas as pd

from disentangle.claims.evidence import Evidence
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.noise import noise_floor
from disentangle.tables.passages import NO_PASSAGES, Passages, places

TOP = 0.75
"""Rank is high above this quantile of the suite, and low below one minus this quantile."""

SHOWN = 3

HIGH_HIGH = "high rank, high loss"
LOW_SOUND = "low rank, not saturated"

COLUMNS = [
    *("kind", "run", "outcome", "metric", "rank", "rank_quantile"),
    *("loss", "above_median", "passages_se", "margin"),
]


def _described(
    rows: pd.DataFrame,
    chosen: pd.DataFrame,
    kind: str,
    outcome: str,
    metric: str,
    errors: Floats,
    margins: Floats,
) -> pd.DataFrame:
    """Chosen rows as rows of the counterexamples table."""
    quantile = rows[metric].rank(pct=True)
    return pd.DataFrame(
        {
            "kind": kind,
            "run": chosen["run"],
            "outcome": outcome,
            "metric": metric,
            "rank": chosen[metric],
            "rank_quantile": quantile.loc[chosen.index],
            "loss": chosen[outcome],
            "above_median": chosen[outcome] - rows[outcome].median(),
            "passages_se": errors,
            "margin": margins,
        },
        columns=COLUMNS,
    )


def errors_above_median(rows: pd.DataFrame, outcome: str, passages: Passages) -> Floats:
    """Standard errors of each run's loss minus the median run's, passage by passage.

    The median of an even number of runs is the mean of the two in the middle. NaN if the losses of
    single passages are not known.
    """
    if not passages.has(outcome):
        return np.full(len(rows), np.nan)
    ordered = places(rows.sort_values(outcome, kind="stable"))
    n = len(ordered)
    middle = ordered[(n - 1) // 2 : n // 2 + 1]
    errors = []
    for place in places(rows):
        weights = dict.fromkeys([place, *middle], 0.0)
        weights[place] += 1
        for one in middle:
            weights[one] -= 1 / len(middle)
        errors.append(passages.error(outcome, weights))
    return np.array(errors)


def high_rank_high_loss(
    runs: pd.DataFrame, outcome: str, metric: str, passages: Passages = NO_PASSAGES
) -> pd.DataFrame:
    """Runs in the upper quarter of rank whose loss is above the median by more than noise.

    The margin is twice the standard deviation between seeds. If no seeds are repeated it is twice
    the standard error of the difference over passages, or 0 if that is not known either. With fewer
    than four runs there are no examples.

    Returns:
        Rows of the counterexamples table, the highest loss first.
    """
    rows = runs.dropna(subset=[outcome, metric])
    noise = noise_floor(rows, outcome)["sd_within"] if len(rows) > 1 else np.nan
    errors = errors_above_median(rows, outcome, passages)
    margins = np.full(len(rows), 2 * noise) if np.isfinite(noise) else np.nan_to_num(2 * errors)
    rows = rows.assign(_errors=errors, _margins=margins)
    high = rows[rows[metric] >= rows[metric].quantile(TOP)] if len(rows) > 3 else rows[:0]
    worse = high[high[outcome] > rows[outcome].median() + high["_margins"]]
    worse = worse.sort_values(outcome, ascending=False, kind="stable")
    noises = (worse[name].to_numpy(np.float64) for name in ("_errors", "_margins"))
    return _described(rows, worse, HIGH_HIGH, outcome, metric, *noises)


def low_rank_sound(
    runs: pd.DataFrame, saturation: pd.DataFrame, outcome: str, metric: str
) -> pd.DataFrame:
    """Runs in the lower quarter of rank, among those with a verdict, that do not degrade late.

    Returns:
        Rows of the counterexamples table, the lowest rank first.
    """
    low, rows = _low_rank(runs, saturation, outcome, metric)
    sound = low[low["verdict"] == "not saturated"]
    unknown, none = np.full(len(sound), np.nan), np.zeros(len(sound))
    return _described(rows, sound, LOW_SOUND, outcome, metric, unknown, none)


def _low_rank(
    runs: pd.DataFrame, saturation: pd.DataFrame, outcome: str, metric: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs with a verdict: those of low rank, and all."""
    verdicts = saturation.loc[saturation["outcome"] == outcome, ["run", "verdict"]]
    rows = runs.dropna(subset=[metric]).merge(verdicts, on="run")
    low = rows[rows[metric] <= rows[metric].quantile(1 - TOP)] if len(rows) > 3 else rows[:0]
    return low.sort_values(metric, kind="stable"), rows


def _count(found: pd.DataFrame, undecided: int, n: int, of: str) -> Estimate:
    """Their number, with the interval [found, found plus undecided]."""
    names = found["run"].tolist()
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    note = f"{of}: {shown}" if names else of
    return Estimate(len(names), len(names), len(names) + undecided, n, note)


def count_high_rank_high_loss(
    runs: pd.DataFrame, outcome: str, metric: str, passages: Passages = NO_PASSAGES
) -> Estimate:
    """Number of `high_rank_high_loss` runs; unknown for fewer than four runs."""
    rows = runs.dropna(subset=[outcome, metric])
    if len(rows) < 4:
        return Estimate.unknown(f"{len(rows)} runs", len(rows))
    high = int((rows[metric] >= rows[metric].quantile(TOP)).sum())
    found = high_rank_high_loss(runs, outcome, metric, passages)
    return _count(found, 0, len(rows), f"of {high} with high rank")


def count_low_rank_sound(
    runs: pd.DataFrame, saturation: pd.DataFrame, outcome: str, metric: str
) -> Estimate:
    """Number of `low_rank_sound` runs, up to the number including undecided ones."""
    low, rows = _low_rank(runs, saturation, outcome, metric)
    if len(rows) < 4:
        return Estimate.unknown(f"only {len(rows)} runs have a verdict", len(rows))
    undecided = int((low["verdict"] == "undecided").sum())
    found = low_rank_sound(runs, saturation, outcome, metric)
    return _count(found, undecided, len(rows), f"of {len(low)} with low rank")


def counterexamples(evidence: Evidence, outcomes: list[str], metric: str) -> pd.DataFrame:
    """Rows of the counterexamples table, for every loss."""
    found = []
    for outcome in outcomes:
        found.append(high_rank_high_loss(evidence.runs, outcome, metric, evidence.passages))
        found.append(low_rank_sound(evidence.runs, evidence.saturation, outcome, metric))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
