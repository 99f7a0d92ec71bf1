"""Measure W of a run's last checkpoint after every operation, and after every recovery."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from disentangle.checkpoint.changed import FOUND
from disentangle.checkpoint.guard import Checkpoint, load_checkpoint, measuring_device
from disentangle.checkpoint.manifest import read_checkpoint, read_run, step_folder
from disentangle.checkpoint.references import BASE, Perturbed, perturbed_folder
from disentangle.errors import QuarantineError
from disentangle.geometry.effective_ranks import Spectrum, effective_rank, frobenius_norm
from disentangle.geometry.final_norm import NoNormError, final_norm
from disentangle.geometry.function_level import projected
from disentangle.geometry.matrix import Matrix
from disentangle.job import Say
from disentangle.perturbation.operated_checkpoint import TEMPERATURE
from disentangle.provenance import versions
from disentangle.study.perturbation import operated, recovered, recovery_run
from disentangle.study.run import Run
from disentangle.study.sections.surgery import OPERATED, SHAM, Surgery
from disentangle.surgery.operate import matrices_of

__all__ = ["measure_surgery"]

NAN = float("nan")


def measure_surgery(
    run: Run,
    surgery: Surgery,
    *,
    manifest: Path,
    perturbed: Path,
    outcomes: Mapping[str, Perturbed],
    say: Say,
) -> list[dict[str, Any]]:
    """The rows of a run in `tables.surgery.SPECTRA`: sham and operations, stage by stage.

    Args:
        run: the run as it was trained.
        surgery: the study's section.
        manifest: the run's manifest, beside its checkpoints.
        perturbed: the folder of all perturbed checkpoints.
        outcomes: the outcomes of its operations and recoveries, by variant.
        say: tells the screen.

    Returns:
        A row for every operation and stage. Where there is no checkpoint, its values are NaN and
        `note` says why.
    """
    last = run.checkpoints[-1]
    diverged = last not in read_run(manifest).checkpoints
    base = step_folder(manifest.parent, last)
    steps = recovery_run(run, SHAM, surgery.recovery.of[0], surgery).steps
    rows = []
    before: dict[tuple[str, ...], float] = {}
    for name, stage, variant in _variants(surgery):
        operation = surgery.operations.get(name)
        matrices = tuple(operation.matrices) if operation else ()
        row = {
            "run": run.name,
            "step": last,
            "variant": variant,
            "operation": name,
            "kind": operation.kind if operation else SHAM,
            "matrices": " ".join(matrices),
            "stage": stage,
            "steps": 0 if stage == OPERATED else steps,
            "temperature": NAN,
        }
        made = None if variant == BASE else outcomes[variant]
        if diverged or (made is not None and made.step is None):
            rows.append(row | _nothing("the run diverged" if made is None else made.reason))
            continue
        folder = base
        if made is not None and made.step is not None:
            folder = step_folder(perturbed_folder(perturbed, run.name, variant), made.step)
        try:
            row |= _spectra(load_checkpoint(folder, measuring_device()), matrices)
            if matrices not in before:
                before[matrices] = _rank_of(load_checkpoint(base, measuring_device()), matrices)
        except QuarantineError as fault:
            say(str(fault))
            rows.append(row | _nothing(f"quarantined: {fault.reason}"))
            continue
        if operation and operation.fits_temperature:
            place = step_folder(perturbed_folder(perturbed, run.name, operated(name)), last)
            row["temperature"] = 1 / read_checkpoint(place).settings[FOUND][TEMPERATURE]
        rows.append(row | {"base_matrices_rank_pct": before[matrices], "note": ""})
    say(f"W measured after {len(rows)} operations and recoveries")
    return rows


def _variants(surgery: Surgery) -> Iterator[tuple[str, str, str]]:
    """Operation, stage and variant of every checkpoint; the sham's first is the base."""
    for name in (SHAM, *surgery.operations):
        yield name, OPERATED, BASE if name == SHAM else operated(name)
        for stage in surgery.recovery.of:
            yield name, stage, recovered(name, stage)


def _nothing(reason: str) -> dict[str, Any]:
    unknown = (
        *("effective_rank_pct", "projected_effective_rank_pct", "norm"),
        *("matrices_rank_pct", "base_matrices_rank_pct"),
    )
    return dict.fromkeys(unknown, NAN) | {"note": reason, "numerics": ""}


def _spectra(checkpoint: Checkpoint, matrices: tuple[str, ...]) -> dict[str, Any]:
    W = checkpoint.unembedding
    matrix = Matrix(W, "W", centered_too=False)
    sigma = _sigma(matrix)
    try:
        norm = final_norm(checkpoint.model)
        of_projected = effective_rank(_sigma(Matrix(projected(W, norm), "Wproj")))
        function_level = 100 * of_projected / (W.shape[1] - norm.subtracts_mean)
    except NoNormError:
        function_level = NAN
    numerics = {
        "device": checkpoint.model.device.type,
        "metric_device": matrix.M.device.type,
        "metric_dtype": "float64",
        **versions("torch", "transformers"),
    }
    return {
        "effective_rank_pct": 100 * effective_rank(sigma) / W.shape[1],
        "projected_effective_rank_pct": function_level,
        "norm": frobenius_norm(sigma),
        "matrices_rank_pct": _rank_of(checkpoint, matrices),
        "numerics": json.dumps(numerics, sort_keys=True),
    }


def _rank_of(checkpoint: Checkpoint, matrices: tuple[str, ...]) -> float:
    """Mean over matrices of the effective rank in per cent of min(n, d); NaN of none."""
    shares = []
    for name, weight in matrices_of(checkpoint.model, matrices):
        M = checkpoint.unembedding if name == "W" else weight
        sigma = _sigma(Matrix(M, name, centered_too=False))
        shares.append(100 * effective_rank(sigma) / len(sigma))
    return float(np.mean(shares)) if shares else NAN


def _sigma(matrix: Matrix) -> Spectrum:
    found: torch.Tensor = matrix.decomposed[0]
    return found.cpu().numpy()
