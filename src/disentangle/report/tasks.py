"""The harness's tasks: scores over models, compared with chance."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from disentangle.checkpoint.references import BASE

CHOICES = {
    **dict.fromkeys(("arc_easy", "arc_challenge", "sciq", "openbookqa", "hellaswag", "mmlu"), 4),
    **dict.fromkeys(("piqa", "winogrande", "boolq", "copa", "wic", "wsc"), 2),
    **{"social_iqa": 3, "commonsense_qa": 5},
}
"""Number of answers per question, by task. A few questions of ARC have 3 or 5."""

RATES = ("acc", "acc_norm")
"""Metrics that are shares of correct answers."""

SURE = norm.ppf(0.975)


def chance(task: str, metric: str) -> float:
    """Expected accuracy of guessing, one over the number of choices; NaN if unknown."""
    return 1 / CHOICES[task] if task in CHOICES and metric in RATES else float("nan")


def tasks(evaluation: pd.DataFrame, observations: pd.DataFrame) -> list[dict[str, Any]]:
    """Scores of the models' last checkpoints (variant base), per task and metric.

    A model is below or above chance if its score is further than 1.96 sqrt(c (1 - c) / n) from
    chance c, with n documents. Of models that guess, 1 in 40 is on either side.

    Args:
        evaluation: the evaluation table.
        observations: the observations table, which marks each run's last checkpoint.
    """
    ends = observations.loc[observations["final"], ["run", "step"]].drop_duplicates()
    scores = evaluation[
        ~evaluation["task"].str.startswith("heldout_") & (evaluation["variant"] == BASE)
    ].merge(ends, on=["run", "step"])
    rows = []
    for (task, metric), group in scores.groupby(["task", "metric"], sort=True):
        guessed = chance(str(task), str(metric))
        away = group["value"] - guessed
        sure = SURE * np.sqrt(guessed * (1 - guessed) / group["n"])
        rows.append(
            {
                "task": task,
                "metric": metric,
                "n": int(group["n"].max()),
                "models": len(group),
                "mean": group["value"].mean(),
                "lowest": group["value"].min(),
                "highest": group["value"].max(),
                "chance": guessed,
                "below": int((away < -sure).sum()),
                "above": int((away > sure).sum()),
            }
        )
    return rows
