"""Collect a study's tables from its runs' manifests and measurements."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from disentangle.checkpoint.manifest import RunManifest, read_checkpoint, read_run, step_folder
from disentangle.checkpoint.quarantine import Quarantined
from disentangle.checkpoint.references import BASE, Perturbed
from disentangle.study.external import ExternalRun
from disentangle.study.regime import steps_over_tau
from disentangle.study.run import Run
from disentangle.tables.passages import NO_PASSAGES, Passages
from disentangle.tables.table import COVARIATES
from disentangle.vocabulary.scores import BITS_PER_BYTE, CHANGE, STDERR

DIVERGED, QUARANTINED, NOT_THERE = "diverged", "quarantined", "not there"
"""States of missing checkpoints."""

NOT_METRICS = {
    *("run", "step", "tokens", "matrix", "domain", "rows", "dim", "zero_rows"),
    *("zero_rows_centered", "singular_values", "singular_values_centered", "numerics"),
}
"""Columns of the geometry table that describe a row and are not metrics."""


def checkpoint_rows(run: Run | ExternalRun, manifest_path: Path) -> list[dict[str, Any]]:
    """Rows of the checkpoints table for one run, trained here or elsewhere."""
    manifest = read_run(manifest_path)
    rows = []
    for step in sorted(manifest.checkpoints):
        fields = asdict(read_checkpoint(step_folder(manifest_path.parent, step)))
        for name in ("probe_tokens", "settings", "tokenizer", "config_sha256"):
            del fields[name]
        final = step == run.checkpoints[-1]
        of_run = {"status": manifest.status, "device": manifest.environment["device"]}
        shape = manifest.identity.get("shape", {})  # of a model from elsewhere
        of_run["steps_over_tau"] = steps_over_tau(run, step) if isinstance(run, Run) else None
        rows.append(fields | {"final": final} | of_run | run.covariates() | shape)
    return rows


def missing_rows(run: Run | ExternalRun, manifest: RunManifest) -> list[dict[str, Any]]:
    """Planned checkpoints of one run that do not exist, with the reason."""
    absent = [step for step in run.checkpoints if step not in manifest.checkpoints]
    if manifest.status == "diverged":
        state = DIVERGED
        reason = f"the loss was last finite at step {manifest.last_finite_step}"
    else:
        state, reason = NOT_THERE, "not in the run's manifest"
    return [
        {"run": run.name, "step": step, "stage": "checkpoint", "state": QUARANTINED}
        | {"reason": manifest.quarantined[step]}
        if step in manifest.quarantined
        else {"run": run.name, "step": step, "stage": "checkpoint", "state": state}
        | {"reason": reason}
        for step in absent
    ]


def quarantined_in_words(missing: pd.DataFrame) -> str:
    """The number of quarantined checkpoints and tasks, and the first of them; empty if none."""
    found = missing[missing["state"] == QUARANTINED]
    if found.empty:
        return ""
    first = found.iloc[0]
    return (
        f"{len(found)} quarantined, named in the report; the first: {first['run']}, "
        f"step {first['step']}, {first['stage']}: {first['reason']}"
    )


def quarantined_rows(stage: str, found: Iterable[Quarantined]) -> list[dict[str, Any]]:
    """Checkpoints, or single tasks of checkpoints, that the jobs of a stage quarantined.

    The column `stage` names the stage alone for a checkpoint as trained. Otherwise it also names
    the task and the variant: `evaluation of piqa`, `evaluation of gptq-4bit`,
    `evaluation of piqa of gptq-4bit`.
    """
    return [
        {
            "run": one.run,
            "step": one.step,
            "stage": " of ".join(
                [stage, *filter(None, [one.task]), *([one.variant] if one.variant != BASE else [])]
            ),
            "state": QUARANTINED,
            "reason": one.reason,
        }
        for one in found
    ]


def missing_variants(outcomes: Iterable[Perturbed]) -> list[dict[str, Any]]:
    """Perturbed checkpoints that were planned but do not exist, with the reason."""
    return [
        {
            "run": outcome.run,
            "step": outcome.of_step,
            "stage": outcome.variant,
            "state": DIVERGED if outcome.reason == "the run diverged" else NOT_THERE,
            "reason": outcome.reason,
        }
        for outcome in outcomes
        if outcome.weights_sha256 is None
    ]


def observations(
    checkpoints: pd.DataFrame,
    geometry: pd.DataFrame,
    evaluation: pd.DataFrame,
    passages: Passages = NO_PASSAGES,
) -> pd.DataFrame:
    """One row per checkpoint and variant: covariates, geometry and scores.

    Args:
        checkpoints: the checkpoints table.
        geometry: the geometry table.
        evaluation: the evaluation table.
        passages: losses of single passages, for the errors of changes.

    Returns:
        The observations table, sorted; missing measurements are NaN.
    """
    base = checkpoints[
        ["run", "step", "tokens", "final", "status", "steps_over_tau", *COVARIATES]
    ].copy()
    # 6 N D, including the head: see `training_flops`
    head = checkpoints["params_embedding"] // checkpoints["tied"].map({True: 1, False: 2})
    base["compute"] = 6.0 * (base["params_non_embedding"] + head) * base["tokens"]
    base["released"] = np.nan  # a column of tables from elsewhere
    place = ["run", "step"]
    wide_geometry = _side_by_side(geometry, place)
    joined = base.merge(_scores(evaluation, place).reset_index(), on=place, how="left")
    joined = joined.merge(wide_geometry.reset_index(), on=place, how="left")
    joined["variant"] = joined["variant"].fillna(BASE)
    joined.columns.name = None
    return with_changes(joined, passages).sort_values(["run", "step", "variant"], ignore_index=True)


def _scores(evaluation: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """One column per score, and one for its standard errors if it has any."""
    names = evaluation["task"].str.removeprefix("heldout_") + "_" + evaluation["metric"]
    wide = evaluation.assign(score=names).pivot_table(
        index=[*place, "variant"], columns="score", values=["value", "stderr"], sort=True
    )
    errors = wide.get("stderr", pd.DataFrame(index=wide.index)).add_suffix(STDERR)
    return wide["value"].join(errors)


def with_changes(joined: pd.DataFrame, passages: Passages = NO_PASSAGES) -> pd.DataFrame:
    """Add the change of each loss by each perturbation: its value minus the base's.

    Where losses of single passages are known, its standard error is added, passage by passage.

    Nothing is added if no checkpoint is perturbed.
    """
    place = ["run", "step"]
    losses = [name for name in joined.columns if name.endswith(BITS_PER_BYTE.ending)]
    perturbed = joined["variant"] != BASE
    if not perturbed.any():
        return joined
    base = joined.loc[~perturbed].set_index(place)[losses]
    before = joined[place].merge(base.reset_index(), on=place, how="left")[losses]
    changes = joined[losses] - before.to_numpy()
    changes[~perturbed] = float("nan")
    changes = changes.add_suffix(CHANGE)
    for loss in losses:
        errors = [
            float("nan")
            if variant == BASE
            else passages.error(loss, {(run, step, variant): 1.0, (run, step, BASE): -1.0})
            for run, step, variant in joined[[*place, "variant"]].itertuples(index=False)
        ]
        if not np.isnan(errors).all():
            changes[f"{loss}{CHANGE}{STDERR}"] = errors
    return joined.join(changes)


def _side_by_side(geometry: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Geometry with one column per matrix, domain and metric."""
    metrics = [column for column in geometry.columns if column not in NOT_METRICS]
    parts = []
    for (matrix, domain), rows in geometry.groupby(["matrix", "domain"], sort=True):
        prefix = f"{matrix}_" if domain in ("", "id") else f"{matrix}_{domain}_"
        parts.append(rows.set_index(place)[metrics].add_prefix(prefix))
    return pd.concat(parts, axis=1)
