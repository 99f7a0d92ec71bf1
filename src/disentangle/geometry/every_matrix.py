"""The spectra of every matrix of a run's checkpoints, and of the circuits of its heads."""

import json
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, read_step, step_folder
from disentangle.errors import QuarantineError
from disentangle.geometry.measurements import LIBRARIES
from disentangle.geometry.metrics import spectrum_row
from disentangle.job import Say
from disentangle.provenance import PACKAGE, computing_code

UNKNOWN = "unknown"
"""Key of a cache entry that says why the matrices of a model are not known."""


def measuring_code() -> str:
    """Hash of the code, libraries included, that the spectra depend on."""
    return computing_code(PACKAGE / "geometry" / "checkpoint_weights.py", libraries=LIBRARIES)


def measure_matrices(
    run_manifest: Path, *, cache: Cache, code_version: str, threads: int, say: Say
) -> list[dict[str, Any]]:
    """Give the rows of the table of matrices for one run.

    Args:
        run_manifest: the run's manifest, beside its checkpoints.
        cache: finished measurements; an entry is one checkpoint.
        code_version: from `measuring_code`, part of an entry's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint and matrix, in the order of the layers. A quarantined checkpoint has
        none, and neither has a model whose architecture is not known, which is said.
    """
    run = read_run(run_manifest)
    rows: list[dict[str, Any]] = []
    computed, unknown = 0, ""
    for step in sorted(run.checkpoints):
        manifest = read_step(run, run_manifest.parent, step)
        key = {
            "matrix": "every",
            "checkpoint": manifest.content_sha256,
            "code": code_version,
        }
        entry = cache.get(key)
        if entry is None:
            from disentangle.geometry.checkpoint_weights import spectra_of
            from disentangle.geometry.families import UnknownFamilyError

            try:
                cache.put(key, spectra_of(step_folder(run_manifest.parent, step), threads))
            except QuarantineError as fault:
                say(str(fault))
                continue
            except UnknownFamilyError as error:
                cache.put(key, {UNKNOWN: str(error)})
            entry = cache.get(key)
            computed += 1
        assert entry is not None
        if UNKNOWN in entry:
            unknown = entry[UNKNOWN]
            continue
        place = {"run": run.run, "step": step, "tokens": manifest.tokens}
        numerics = json.dumps(entry["numerics"], sort_keys=True)
        rows += [place | spectrum_row(found) | {"numerics": numerics} for found in entry["spectra"]]
    if unknown:
        say(f"{run.run}: {unknown}")
    taken = len(run.checkpoints) - computed
    say(f"{run.run}: all matrices of {computed} checkpoints measured, {taken} taken as they were")
    return rows
