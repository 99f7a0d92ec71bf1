"""The report's answer: two sentences, and how far to trust them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from disentangle.claims.metric_verdicts import VERDICTS
from disentangle.report.numbers import counted, interval
from disentangle.report.regime import Standing
from disentangle.statistics.power import LARGE, detectable_rho
from disentangle.tables.select import CHIEF_METRIC, chief_metric
from disentangle.vocabulary.metrics import metric_label
from disentangle.vocabulary.scores import LOSSES

NAMED = 3
"""How many metrics the second sentence names at most."""


@dataclass(frozen=True)
class Trust:
    """One reason to trust the answer more or less."""

    about: str
    words: str
    warns: bool = False


@dataclass(frozen=True)
class Answer:
    """The first screen of the report, without its figure."""

    of_the_chief: str
    """What the chief metric says, raw and given training."""
    of_all: str
    """How many metrics say more than training."""
    trust: list[Trust]


def answer(
    associations: pd.DataFrame,
    outcome: str,
    *,
    standing: Standing | None,
    coverage: str,
    absent: str,
) -> Answer:
    """Answer the question for one outcome.

    Args:
        associations: the associations table, of models as trained.
        outcome: a column of observations.
        standing: where the runs stand between initialisation and training, if that is known.
        coverage: how often intervals held the truth in simulations, in words; may be empty.
        absent: what is missing, in words.
    """
    rows = associations[associations["outcome"] == outcome]
    metric = chief_metric(rows["metric"].tolist()) if len(rows) else CHIEF_METRIC
    row = rows[rows["metric"] == metric].iloc[0] if len(rows) else None
    return Answer(
        of_the_chief=_of_the_chief(row, metric, outcome),
        of_all=_of_all(rows),
        trust=_trust(rows, row, standing, coverage, absent),
    )


def _of_the_chief(row: "pd.Series[Any] | None", metric: str, outcome: str) -> str:
    if row is None or not row["n"]:
        return "No model has both a metric of its geometry and this score yet."
    what = "W has a higher effective rank" if metric == CHIEF_METRIC else metric_label(metric)
    score = "loss" if outcome.endswith(tuple(loss.ending for loss in LOSSES)) else "score"
    models = f"Models whose {what}" if metric == CHIEF_METRIC else f"Models with higher {what}"
    raw = interval(row["rho"], row["rho_low"], row["rho_high"])
    left = interval(row["residual_rho"], row["residual_low"], row["residual_high"])
    given = "Given how the models were trained"
    if not np.isfinite(row["rho_low"]):
        first = f"There are too few models ({int(row['n'])}) to tell whether the two go together."
    elif row["rho_low"] > 0 or row["rho_high"] < 0:
        first = f"{models} have {'higher' if row['rho'] > 0 else 'lower'} {score} (raw ρ = {raw})."
    else:
        first = f"{models} have neither clearly higher nor clearly lower {score} (raw ρ = {raw})."
    if not np.isfinite(row["residual_low"]):
        return f"{first} {given}, nothing can be said: too few degrees of freedom are left."
    if row["verdict"] == "beyond training":
        sign = "higher" if row["residual_rho"] > 0 else "lower"
        return f"{first} {given}, higher values still go with {sign} {score} (ρ = {left})."
    if row["verdict"] in ("training only", "no association"):
        return f"{first} {given}, next to nothing of it is left (ρ = {left})."
    return f"{first} {given}, these runs cannot tell whether anything is left (ρ = {left})."


def _of_all(rows: pd.DataFrame) -> str:
    judged = rows[rows["residual_q"].notna()]
    if judged.empty:
        return "No metric can be judged given how the models were trained."
    counts = judged["verdict"].value_counts()
    rest = ", ".join(_counted(name, counts[name]) for name in VERDICTS[1:] if name in counts)
    beyond = judged[judged["verdict"] == VERDICTS[0]].sort_values("residual_q", kind="stable")
    more = "more than the training choices do"
    if beyond.empty:
        return f"None of {counted(len(judged), 'metric')} is shown to say {more}: {rest}."
    names = ", ".join(metric_label(name) for name in beyond["metric"].head(NAMED))
    further = f" and {len(beyond) - NAMED} more" if len(beyond) > NAMED else ""
    says = f"{len(beyond)} {'says' if len(beyond) == 1 else 'say'} {more} ({names}{further})"
    return f"Of {counted(len(judged), 'metric')}, {says}" + (f"; {rest}." if rest else ".")


def _counted(verdict: str, n: int) -> str:
    """'1 follows training only', '47 are undecided'."""
    one, many = {
        "training only": ("follows training only", "follow training only"),
        "no association": ("has no association", "have no association"),
        "undecided": ("is undecided", "are undecided"),
    }[verdict]
    return f"{n} {one if n == 1 else many}"


def turned_by_size(rows: pd.DataFrame) -> list[str]:
    """Metrics whose raw rho has one sign over all sizes and the other within them, as shown by both
    intervals; the largest raw rho first."""
    over = np.sign(rows["rho_low"]) + np.sign(rows["rho_high"])
    within = np.sign(rows["by_size_low"]) + np.sign(rows["by_size_high"])
    turned = rows[over * within == -4]
    return turned.sort_values("rho", key=np.abs, ascending=False, kind="stable")["metric"].tolist()


def _of_sizes(rows: pd.DataFrame) -> Trust | None:
    turned = turned_by_size(rows)
    if not turned:
        return None
    names = ", ".join(metric_label(name) for name in turned[:NAMED])
    further = f" and {len(turned) - NAMED} more" if len(turned) > NAMED else ""
    many = "has its raw ρ" if len(turned) == 1 else "have their raw ρ"
    known = int(rows["by_size_low"].notna().sum())
    words = f"{counted(len(turned), 'metric')} of {known} {many} from the model sizes"
    return Trust("Sizes:", f"{words}: within them it has the other sign ({names}{further}).", True)


def _trust(
    rows: pd.DataFrame,
    row: "pd.Series[Any] | None",
    standing: Standing | None,
    coverage: str,
    absent: str,
) -> list[Trust]:
    lines = []
    if standing:
        words = f"{standing.warning} {standing.ranges}.".lstrip()
        lines.append(Trust("Regime:", words, warns=bool(standing.warning)))
    if row is not None and np.isfinite(row["residual_df"]):
        df = int(row["residual_df"])
        least = detectable_rho(df)
        weak = not least <= LARGE
        found = f"a controlled ρ below {least:.2f} would be missed more often than one time in five"
        words = f"{int(row['n'])} models, {counted(df, 'degree')} of freedom beside the design"
        beyond = found if np.isfinite(least) else "too few for any test"
        lines.append(Trust("Models:", f"{words}: {beyond}.", warns=weak))
    if of_sizes := _of_sizes(rows):
        lines.append(of_sizes)
    if coverage:
        lines.append(Trust("Intervals:", coverage))
    lines.append(Trust("Missing:", absent))
    return lines
