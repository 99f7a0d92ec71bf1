"""Measure W and H of every checkpoint of a run, each once."""

import json
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.manifest import read_checkpoint, read_run, step_folder
from disentangle.checkpoint.quarantine import SetAside
from disentangle.checkpoint.subjects import BASE
from disentangle.corpus.documents import read_texts
from disentangle.errors import RefusedError
from disentangle.job import Say
from disentangle.storage import sha256_of


def cell_keys(
    weights_sha256: str, texts_sha256: dict[str, str], max_tokens: int, code_version: str
) -> list[dict[str, Any]]:
    """The keys of one checkpoint's measurements: of W, then of H on each domain.

    Args:
        weights_sha256: the checkpoint's.
        texts_sha256: of the passages of each domain.
        max_tokens: how far a passage is read.
        code_version: hash of the measuring code.
    """
    keys: list[dict[str, Any]] = [{"matrix": "W", "domain": ""}] + [
        {"matrix": "H", "domain": domain, "text": sha, "max_tokens": max_tokens}
        for domain, sha in texts_sha256.items()
    ]
    return [{"weights": weights_sha256, "code": code_version} | key for key in keys]


def measure_run(
    run_manifest: Path,
    *,
    heldout: dict[str, Path],
    max_tokens: int,
    cells: Cells,
    code_version: str,
    threads: int,
    say: Say,
) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """Give the rows of the geometry table for one run, and what of it was refused.

    Args:
        run_manifest: the run's manifest, beside its checkpoints.
        heldout: held-out domain to its passages, for H.
        max_tokens: how far a passage is read.
        cells: finished measurements.
        code_version: hash of the measuring code, part of a cell's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint and matrix: W, then H for each domain. A checkpoint that is not what
        its manifest says, or of which a matrix cannot be measured, has none.
    """
    run = read_run(run_manifest)
    texts_sha256 = {domain: sha256_of(path) for domain, path in heldout.items()}
    rows: list[dict[str, Any]] = []
    refused: list[SetAside] = []
    computed = 0
    for step, weights_sha256 in sorted(run.checkpoints.items()):
        folder = step_folder(run_manifest.parent, step)
        keys = cell_keys(weights_sha256, texts_sha256, max_tokens, code_version)
        values = [cells.get(key) for key in keys]
        if None in values:
            from disentangle.geometry.measure_checkpoint import Measurement

            try:
                measurement = Measurement(folder, max_tokens, threads)
                for i, key in enumerate(keys):
                    if values[i] is None:
                        texts = read_texts(heldout[key["domain"]]) if key["matrix"] == "H" else None
                        cells.put(key, measurement.of(texts))
                        values[i] = cells.get(key)
                        computed += 1
            except RefusedError as fault:
                refused.append(SetAside(run.run, step, BASE, fault.reason))
                say(str(fault))
                continue
        manifest = read_checkpoint(folder)
        for key, value in zip(keys, values, strict=True):
            assert value is not None
            place = {"run": run.run, "step": step, "tokens": manifest.tokens}
            numerics = json.dumps(value.pop("numerics"), sort_keys=True)
            rows.append(
                place
                | {"matrix": key["matrix"], "domain": key["domain"]}
                | value
                | {"numerics": numerics}
            )
    say(f"{run.run}: {computed} matrices measured, {len(rows) - computed} taken as they were")
    return rows, refused
