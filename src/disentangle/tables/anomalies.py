"""Checkpoints that look anomalous. They are reported but not left out of any estimate."""

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.vocabulary.scores import BITS_PER_BYTE

SPIKE = 5.0
"""Standard errors by which an outlier must differ from both neighbouring losses."""

BEYOND_CHANCE = 1.2
"""Times ln(vocabulary), the loss of a uniform guess. A loss above this is worse than a guess."""

A_GUESS = 0.99
"""Times ln(vocabulary). A trained model with this loss or a higher one has not learned anything
that noise could not explain."""

ASKED = (
    "A checkpoint is anomalous if its weights equal those of another checkpoint; if its id loss "
    f"differs from that of the checkpoints before and after by more than {SPIKE:g} standard "
    f"errors; if its loss on the probe is above {BEYOND_CHANCE:g} ln(vocabulary), which suggests "
    "the tokenizer of another model; or if it is the last of its run and its probe loss is still "
    f"above {A_GUESS:g} ln(vocabulary), no better than a guess."
)
"""The criteria, for the page and the docs."""


def anomalies(checkpoints: pd.DataFrame, evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the anomalies table.

    Duplicate: an earlier checkpoint, by run name and step, has the same SHA-256 of the weights.
    Checkpoints that are equal by design are not listed: step 0 of runs with the same seed, and the
    same step of two runs that differ only in the final learning rate and diverge later, because
    they share the warmup.
    Outlier: the id loss is above (or below) those of the checkpoints before and after by more than
    `SPIKE` standard errors and by more than those two differ. Stranger to the text: the loss on the
    probe is above `BEYOND_CHANCE` ln(rows), which suggests the tokenizer of another model. No
    better than a guess: at the last checkpoint of a run it is above `A_GUESS` ln(rows).

    Args:
        checkpoints: the checkpoints table.
        evaluation: the evaluation table.
    """
    return [*_duplicates(checkpoints), *_outliers(evaluation), *_strangers(checkpoints)]


def _row(run: str, step: int, anomaly: str, evidence: str) -> dict[str, Any]:
    return {"run": run, "step": int(step), "anomaly": anomaly, "evidence": evidence}


SHARED = ("size", "seed", "tokens_budget", "batch_size", "weight_decay", "learning_rate")
"""Two runs with equal values of these are identical until the learning rate begins to decay."""


def _duplicates(checkpoints: pd.DataFrame) -> list[dict[str, Any]]:
    trained = checkpoints[checkpoints["step"] > 0].sort_values(["run", "step"])
    places = zip(trained["run"], trained["step"], strict=True)
    weights = dict(zip(places, trained["weights_sha256"], strict=True))
    rows = []
    for _, same in trained.groupby("weights_sha256", sort=True):
        first, *others = same.to_dict("records")
        said = f"the weights of {first['run']} step {first['step']}"
        rows += [
            _row(other["run"], other["step"], "duplicate", said)
            for other in others
            if not _same_by_design(first, other, weights)
        ]
    return rows


def _same_by_design(
    one: dict[Hashable, Any], other: dict[Hashable, Any], weights: dict[tuple[str, int], str]
) -> bool:
    """Whether two runs share their warmup and differ at a later step that both have."""
    if one["step"] != other["step"] or one["final_lr"] == other["final_lr"]:
        return False
    if any(one[name] != other[name] for name in SHARED):  # unknown values equal nothing
        return False
    later = [step for run, step in weights if run == one["run"] and step > one["step"]]
    return any(
        weights[one["run"], step] != weights[other["run"], step]
        for step in later
        if (other["run"], step) in weights
    )


def _outliers(evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    losses = evaluation[
        (evaluation["task"] == "heldout_id")
        & (evaluation["metric"] == BITS_PER_BYTE.name)
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
    last = checkpoints.groupby("run")["step"].transform("max") == checkpoints["step"]
    columns = checkpoints[["run", "step", "rows", "probe_loss"]].assign(last=last)
    for one in columns.to_dict("records"):
        chance = math.log(one["rows"])
        if one["probe_loss"] > BEYOND_CHANCE * chance:
            said = (
                f"loss on the probe {one['probe_loss']:.2f} nats per token; a uniform guess among "
                f"{one['rows']} entries has {chance:.2f}: is this the model's own tokenizer?"
            )
            rows.append(_row(one["run"], one["step"], "stranger to the text", said))
        elif one["last"] and one["probe_loss"] > A_GUESS * chance:
            said = (
                f"loss on the probe {one['probe_loss']:.3f} nats per token at the last checkpoint; "
                f"a uniform guess among {one['rows']} entries has {chance:.3f}"
            )
            rows.append(_row(one["run"], one["step"], "no better than a guess", said))
    return rows
