"""All metrics and scores at equal ID loss, and what training choices still do to them there.

Models of different sizes that have the same perplexity predict alike (Xia et al. 2023, arXiv
2212.09803). So what differs at equal loss does not follow from how good a model is.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from disentangle.neighbours.correlation import correlation
from disentangle.neighbours.suite import Suite
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.design import COLUMNS, hyperparameters, numeric_columns
from disentangle.tables.comparable import all_checkpoints
from disentangle.tables.neighbours import MATCHED, MATCHED_EFFECTS
from disentangle.tables.select import chief_outcome, geometry_metrics, losses
from disentangle.vocabulary.scores import LOSSES, score_of

REACHED = (0.9, 0.75, 0.5)
"""Losses to match at: those that these shares of the runs reach."""

LEVEL = 0.75
"""The one of them that claims are decided at; the others are shown."""

FEWEST_CHECKPOINTS = 4
"""A curve through fewer is no basis for interpolation."""

RANK = "_effective_rank_pct"
"""Ending of the metrics whose dependence on training choices is estimated, besides all scores."""


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The tables `matched` and `matched_effects`."""
    matched = match(suite)
    return {"matched": matched, "matched_effects": effects_at_equal_loss(suite, matched)}


@dataclass(frozen=True)
class Curve:
    """The checkpoints of one run."""

    log_step: Floats
    """ln step, increasing, shape (n,)."""
    loss: Floats
    """ID loss at each, shape (n,)."""
    values: Floats
    """Quantities at each, shape (n, q)."""

    @property
    def lowest(self) -> int:
        """The place of the checkpoint with the lowest loss."""
        return int(self.loss.argmin())

    def place_of(self, loss: float) -> float:
        """The ln step at which the loss is first reached; NaN outside of the curve.

        The losses' closest decreasing sequence (isotonic regression) is interpolated by a monotone
        cubic (Fritsch & Carlson 1980), so movements between checkpoints do not count as progress.
        What follows the lowest loss is left out: a late rise would lift what came before.
        """
        falling = isotonic_regression(self.loss[: self.lowest + 1], increasing=False).x
        if not falling[-1] <= loss <= falling[0]:
            return float("nan")
        # of checkpoints in a flat part the first alone counts
        kept = np.concatenate([[True], np.diff(falling) < 0])
        x, y = self.log_step[: self.lowest + 1][kept], falling[kept]
        if len(x) < 2:
            return float("nan")
        after = min(max(int(np.searchsorted(-y, -loss)), 1), len(y) - 1)
        curve = PchipInterpolator(x, y)
        low, high = x[after - 1], x[after]
        # bisection: at an end of the interval, rounding may leave no change of sign to search by
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if curve(middle) > loss else (low, middle)
        return float((low + high) / 2)

    def at(self, place: float) -> Floats:
        """The quantities at a ln step, shape (q,), each by a monotone cubic."""
        return np.asarray(PchipInterpolator(self.log_step, self.values, axis=0)(place))

    def missed(self) -> Floats:
        """What interpolation misses at each checkpoint if it is left out, shape (n, q).

        The quantities are interpolated to the left-out checkpoint's own loss. NaN at both ends, and
        where the others do not reach that loss.
        """
        found = np.full_like(self.values, np.nan)
        for k in range(1, len(self.loss) - 1):
            kept = np.arange(len(self.loss)) != k
            others = Curve(self.log_step[kept], self.loss[kept], self.values[kept])
            place = others.place_of(float(self.loss[k]))
            if np.isfinite(place):
                found[k] = others.at(place) - self.values[k]
        return found


def match(suite: Suite) -> pd.DataFrame:
    """Every metric and score of every run at equal ID losses.

    Returns:
        One row per run, loss and quantity: run, reached (the share of runs that reach the loss),
        loss, step (not rounded), quantity, value, and error, the root mean square of what
        interpolation misses at the checkpoints beside the place, each left out. Those gaps are
        twice as wide, so the error is rather too large. NaN at the ends of a curve. Runs without
        enough checkpoints have no rows, nor has a run at a loss that its first one is below.
    """
    checkpoints, matched_on = _checkpoints(suite)
    curves = {}
    for run, rows in checkpoints.groupby("run", sort=True):
        known = [name for name in quantities(rows, matched_on) if rows[name].notna().all()]
        if len(rows) >= FEWEST_CHECKPOINTS and known:
            curve = Curve(
                np.log(rows["step"].to_numpy(np.float64)),
                rows[matched_on].to_numpy(np.float64),
                rows[known].to_numpy(np.float64),
            )
            curves[run] = known, curve, curve.missed()
    if not curves:
        return pd.DataFrame(columns=MATCHED.schema.names)
    lowest = [curve.loss[curve.lowest] for _, curve, _ in curves.values()]
    found = []
    for reached in REACHED:
        loss = float(np.quantile(lowest, reached))
        for run, (known, curve, missed) in curves.items():
            place = curve.place_of(loss)
            if np.isnan(place):
                continue
            after = int(np.searchsorted(curve.log_step, place))
            beside = missed[max(after - 1, 0) : after + 1]
            counted = np.isfinite(beside).sum(axis=0)
            squares = np.nansum(beside**2, axis=0)
            unknown = np.full_like(squares, np.nan)
            error = np.sqrt(np.divide(squares, counted, out=unknown, where=counted > 0))
            found.append(
                pd.DataFrame(
                    {
                        "run": run,
                        "reached": reached,
                        "loss": loss,
                        "step": np.exp(place),
                        "quantity": known,
                        "value": curve.at(place),
                        "error": error,
                    }
                )
            )
    return pd.concat(found, ignore_index=True)


def quantities(rows: pd.DataFrame, matched_on: str) -> list[str]:
    """Columns to be matched: all metrics, and all scores but the loss that is matched on."""
    of_tasks = [n for n in rows.columns if (score := score_of(n)) and score not in LOSSES]
    return [n for n in (*geometry_metrics(rows), *losses(rows), *of_tasks) if n != matched_on]


def effects_at_equal_loss(suite: Suite, matched: pd.DataFrame) -> pd.DataFrame:
    """What each training choice does at equal loss, beside what it does at the end of training.

    Returns:
        One row per loss, response and choice: reached, loss, response, choice, n, and rho, the
        partial Spearman correlation of choice and response given the other choices and size, with
        its interval over families of runs; and the same of the same runs' last checkpoints
        (end_rho, end_low, end_high).
    """
    runs = suite.runs
    columns = dict.fromkeys((*COLUMNS, *hyperparameters(runs)))
    how = {"resamples": suite.resamples, "seed": suite.seed}
    every = matched["quantity"].unique()
    responses = [name for name in every if name.endswith(RANK) or score_of(name)]
    found = []
    for (reached, loss, response), rows in matched[matched["quantity"].isin(responses)].groupby(
        ["reached", "loss", "quantity"], sort=False
    ):
        last = runs[[*columns, response]].rename(columns={response: "at_end"})
        both = rows[["run", "value"]].merge(last, on="run").dropna(subset=["value", "at_end"])
        choices = [name for name in numeric_columns(both) if both[name].nunique() > 1]
        for choice in choices:
            others = [name for name in choices if name != choice]
            equal = correlation(both, choice, "value", *others, **how)
            end = correlation(both, choice, "at_end", *others, **how)
            found.append(
                {
                    "reached": reached, "loss": loss, "response": response, "choice": choice,
                    "n": len(both),
                    "rho": equal.value, "low": equal.low, "high": equal.high,
                    "end_rho": end.value, "end_low": end.low, "end_high": end.high,
                    "note": equal.note,
                }
            )  # fmt: skip
    return pd.DataFrame(found, columns=MATCHED_EFFECTS.schema.names)


def _checkpoints(suite: Suite) -> tuple[pd.DataFrame, str]:
    """Trained checkpoints of runs whose choices are known, and the loss to match on."""
    every = all_checkpoints(suite.observations)
    every = every[every["run"].isin(suite.runs["run"]) & (every["step"] > 0)]
    matched_on = chief_outcome(losses(every))
    if matched_on not in every:  # a table from elsewhere may have tasks alone
        return every[:0], matched_on
    return every.dropna(subset=[matched_on]).sort_values(["run", "step"]), matched_on
