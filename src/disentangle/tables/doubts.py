"""Checkpoints that look odd beside the others. They are named; nothing is left out for it."""

import math
from typing import Any

import pandas as pd

from disentangle.checkpoint.subjects import BASE

SPIKE = 5.0
"""Standard errors by which a loss must stand out from both its neighbours'."""

BEYOND_CHANCE = 1.2
"""Times ln(vocabulary): a model that knows nothing has that loss, one that says this is wrong."""


def doubts(checkpoints: pd.DataFrame, evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the doubts table.

    Duplicate: the weights' SHA-256 is also another checkpoint's, of this run or of one before it by
    name; the first is not listed, nor are runs before their first step, which one seed makes alike.
    Outlier: the id loss stands above, or below, those of the checkpoints before and after by more
    than `SPIKE` standard errors and more than those two differ by. Stranger to the text: the loss
    on the probe is above `BEYOND_CHANCE` ln(rows), as with the tokenizer of another model.

    Args:
        checkpoints: the checkpoints table.
        evaluation: the evaluation table.
    """
    return [*_duplicates(checkpoints), *_outliers(evaluation), *_strangers(checkpoints)]


def _row(run: str, step: int, doubt: str, evidence: str) -> dict[str, Any]:
    return {"run": run, "step": int(step), "doubt": doubt, "evidence": evidence}


def _duplicates(checkpoints: pd.DataFrame) -> list[dict[str, Any]]:
    trained = checkpoints[checkpoints["step"] > 0].sort_values(["run", "step"])
    rows = []
    for _, same in trained.groupby("weights_sha256", sort=True):
        first, *others = same[["run", "step"]].to_dict("records")
        said = f"the weights of {first['run']} step {first['step']}"
        rows += [_row(other["run"], other["step"], "duplicate", said) for other in others]
    return rows


def _outliers(evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    losses = evaluation[
        (evaluation["task"] == "heldout_id")
        & (evaluation["metric"] == "bits_per_byte")
        & (evaluation["variant"] == BASE)
        & (evaluation["step"] > 0)
    ].sort_values(["run", "step"])
    rows = []
    for run, curve in losses.groupby("run", sort=True):
        values, errors = curve["value"].to_numpy(), curve["stderr"].to_numpy()
        for i in range(1, len(curve) - 1):
            before, here, after = values[i - 1 : i + 2]
            out = max(here - max(before, after), min(before, after) - here)
            if out > max(SPIKE * math.hypot(*errors[i - 1 : i + 2]), abs(before - after)):
                said = f"id loss {here:.3f} between {before:.3f} and {after:.3f} bits per byte"
                rows.append(_row(str(run), curve["step"].iloc[i], "outlier", said))
    return rows


def _strangers(checkpoints: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for one in checkpoints[["run", "step", "rows", "probe_loss"]].to_dict("records"):
        chance = math.log(one["rows"])
        if one["probe_loss"] > BEYOND_CHANCE * chance:
            said = (
                f"loss on the probe {one['probe_loss']:.2f} nats per token, where a guess among "
                f"{one['rows']} has {chance:.2f}: is the tokenizer its own?"
            )
            rows.append(_row(one["run"], one["step"], "stranger to the text", said))
    return rows
