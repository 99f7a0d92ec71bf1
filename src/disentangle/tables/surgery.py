"""The table of surgery: what each operation did to spectra and losses, beside its sham."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.errors import StudyError, listed
from disentangle.study.perturbation import recovered
from disentangle.study.run import Run
from disentangle.study.sections.surgery import OPERATED, SHAM
from disentangle.tables.passages import Passages
from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table
from disentangle.vocabulary.scores import BITS_PER_BYTE, STDERR

__all__ = ["DIFFERENCE", "SPECTRA", "SURGERY", "refuse_without_sham", "surgery_rows"]

DIFFERENCE = "_difference"
"""End of the name of a loss's difference to its reference."""

_OF_RUN = (
    RUN,
    ("seed", COUNT, "Seed of initialisation and data order"),
    ("size", TEXT, "Name of the model size"),
)

SPECTRA = Table(
    "surgery",
    "One row per run, operation and stage.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint that was operated on"),
        ("variant", TEXT, "Variant under which it is evaluated"),
        ("operation", TEXT, "Name of the operation; sham: nothing is done"),
        ("kind", TEXT, "gauge, rotate, truncate, power, or sham"),
        ("matrices", TEXT, "What was operated on: W, or matrices of every layer; empty: nothing"),
        ("stage", TEXT, "operated: before any recovery; head, all: after training W, all weights"),
        ("steps", COUNT, "Optimizer steps of the recovery; 0 before it"),
        ("effective_rank_pct", NUMBER, "Effective rank of W, per cent of d"),
        (
            "projected_effective_rank_pct",
            NUMBER,
            "The same of Wproj, per cent of d, or of d - 1 if the last norm subtracts the mean",
        ),
        ("norm", NUMBER, "Frobenius norm of W"),
        (
            "matrices_rank_pct",
            NUMBER,
            "Effective rank of the matrices operated on, per cent of min(n, d), mean over layers",
        ),
        ("base_matrices_rank_pct", NUMBER, "The same before the operation"),
        (
            "temperature",
            NUMBER,
            "What W was divided by after a power of it, fitted on other text; null otherwise",
        ),
        ("note", TEXT, "Why there is no value"),
        ("numerics", TEXT, "JSON: types, devices and library versions"),
    ),
)
"""What is measured of the weights, a file per cohort."""


def _of_domain(name: str) -> str:
    """The meaning of a column of a held-out domain."""
    if name.endswith(f"{DIFFERENCE}{STDERR}"):
        return "Standard error of that difference, passage by passage"
    if name.endswith(DIFFERENCE):
        return (
            "That loss minus its reference's: before a recovery the checkpoint as trained, after "
            "it the sham at the same stage; null for the sham"
        )
    return f"Loss on the held-out domain {name.removesuffix(BITS_PER_BYTE.ending)}, bits per byte"


SURGERY = replace(
    SPECTRA,
    meaning="One row per run, operation and stage, if the study has surgery: W and the losses "
    "after an operation on the last checkpoint, and after a recovery, beside the sham, on which "
    "nothing was done and which was trained alike. For each held-out domain: "
    "<domain>_bits_per_byte, <domain>_bits_per_byte_difference to the reference, and its "
    "standard error.",
    columns=(*_OF_RUN, *SPECTRA.columns[1:]),
    further=_of_domain,
)


def refuse_without_sham(rows: pd.DataFrame) -> None:
    """Refuse results of surgery that have no sham of the same run and stage.

    A sham that diverged, or is quarantined, is there: its row has a note and no loss.

    Raises:
        StudyError: naming them.
    """
    shams = rows[rows["operation"] == SHAM]
    there = set(shams[["run", "stage"]].itertuples(index=False, name=None))
    of_operations = rows[rows["operation"] != SHAM]
    alone = [
        f"{run} {operation}, {stage}"
        for run, operation, stage in of_operations[["run", "operation", "stage"]].itertuples(
            index=False, name=None
        )
        if (run, stage) not in there
    ]
    if alone:
        raise StudyError(
            "These results of surgery have no sham, a continuation as long on which nothing was "
            f"done:\n{listed(alone)}\nWithout it, what an operation does cannot be told from what "
            "training does. Every operation is planned with its sham: delete the files of these "
            "runs in recovered/ and surgery/, and run the workflow again."
        )


def surgery_rows(
    measured: pd.DataFrame,
    evaluation: pd.DataFrame,
    passages: Passages,
    runs: Iterable[Run],
    domains: Sequence[str],
) -> pd.DataFrame:
    """The table of surgery.

    Args:
        measured: rows of `SPECTRA`.
        evaluation: the evaluation table.
        passages: losses of single passages, for errors of differences.
        runs: those that were operated on.
        domains: held-out domains.

    Raises:
        StudyError: if a result has no sham; see `refuse_without_sham`.
    """
    refuse_without_sham(measured)
    facts = pd.DataFrame(
        [(run.name, run.hyperparameters.seed, run.size.name) for run in runs],
        columns=["run", "seed", "size"],
    )
    rows = facts.merge(measured, on="run")
    place = ["run", "step", "variant"]
    scores = evaluation[evaluation["metric"] == BITS_PER_BYTE.ending.removeprefix("_")]
    losses = scores.set_index([*place, "task"])["value"]
    notes = dict(zip(map(tuple, rows[["run", "variant"]].to_numpy()), rows["note"], strict=True))
    references = [_reference(*each) for each in zip(rows["operation"], rows["stage"], strict=True)]
    for domain in domains:
        outcome = BITS_PER_BYTE.of(domain)
        found: dict[str, list[float]] = {"": [], DIFFERENCE: [], f"{DIFFERENCE}{STDERR}": []}
        for (run, step, variant), reference in zip(
            rows[place].itertuples(index=False, name=None), references, strict=True
        ):
            loss = losses.get((run, step, variant, f"heldout_{domain}"), np.nan)
            before = losses.get((run, step, reference, f"heldout_{domain}"), np.nan)
            weights = {(run, step, variant): 1.0, (run, step, reference): -1.0}
            known = reference is not None and not np.isnan(loss - before)
            found[""].append(loss)
            found[DIFFERENCE].append(loss - before)
            error = passages.error(outcome, weights) if known else np.nan
            found[f"{DIFFERENCE}{STDERR}"].append(error)
        for ending, values in found.items():
            rows[f"{outcome}{ending}"] = values
    rows["note"] = [
        _note(note, run, reference, notes)
        for note, run, reference in zip(rows["note"], rows["run"], references, strict=True)
    ]
    return rows


def _reference(operation: str, stage: str) -> str | None:
    """The variant that a loss is compared with; None for the sham."""
    if operation == SHAM:
        return None
    return BASE if stage == OPERATED else recovered(SHAM, stage)


def _note(note: str, run: str, reference: str | None, notes: dict[Any, str]) -> str:
    of_sham = notes.get((run, reference), "")
    return note or (f"no difference, since there is no sham: {of_sham}" if of_sham else "")
