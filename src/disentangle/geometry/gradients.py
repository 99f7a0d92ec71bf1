"""The spectra of the gradients of a run's checkpoints, on the text that it was then trained on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, read_step, step_folder
from disentangle.errors import QuarantineError
from disentangle.geometry.measurements import LIBRARIES
from disentangle.geometry.metrics import spectrum_row
from disentangle.job import Say
from disentangle.provenance import PACKAGE, computing_code
from disentangle.storage import digest
from disentangle.study.run import Run


def gradients_code() -> str:
    """Hash of the code, libraries included, that the spectra depend on."""
    modules = ("geometry/gradient_spectra.py", "training/reread.py")
    return computing_code(*(PACKAGE / path for path in modules), libraries=LIBRARIES)


def steps_around(step: int, count: int, last: int) -> range:
    """The `count` steps up to a checkpoint's, or the first ones if there are fewer; from 1."""
    first = max(1, step - count + 1)
    return range(first, min(first + count, last + 1))


def measure_gradients(
    run: Run,
    run_manifest: Path,
    *,
    batches: int,
    tokens: Sequence[Path],
    late_tokens: Path | None,
    cache: Cache,
    code_version: str,
    threads: int,
    say: Say,
) -> list[dict[str, Any]]:
    """Give the rows of the table of gradients for one run.

    The gradient is that of a checkpoint's weights, averaged over the batches of the steps up to it.
    The trainer's own, averaged over these steps, is of weights that move meanwhile.

    Args:
        run: what was trained.
        run_manifest: the run's manifest, beside its checkpoints.
        batches: how many steps' batches are read.
        tokens: memmaps of the training tokens.
        late_tokens: memmap of the text of the run's late change, if that changes the text.
        cache: finished measurements; an entry is one checkpoint.
        code_version: from `gradients_code`, part of an entry's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint and matrix. A quarantined checkpoint has none.
    """
    trained = read_run(run_manifest)
    rows: list[dict[str, Any]] = []
    computed = 0
    for step in sorted(trained.checkpoints):
        manifest = read_step(trained, run_manifest.parent, step)
        key = {
            "matrix": "gradients",
            "checkpoint": manifest.content_sha256,
            "trained_on": digest(trained.identity),
            "batches": batches,
            "code": code_version,
        }
        entry = cache.get(key)
        if entry is None:
            from disentangle.geometry.gradient_spectra import gradient_spectra_of
            from disentangle.training.reread import batches_of_steps

            steps = steps_around(step, batches, run.steps)
            read = batches_of_steps(run, tokens, late_tokens, steps)
            try:
                cache.put(
                    key, gradient_spectra_of(step_folder(run_manifest.parent, step), read, threads)
                )
            except QuarantineError as fault:
                say(str(fault))
                continue
            entry = cache.get(key)
            computed += 1
        assert entry is not None
        place = {"run": trained.run, "step": step, "tokens": manifest.tokens}
        rest = {"loss": entry["loss"], "batches": batches}
        numerics = {"numerics": json.dumps(entry["numerics"], sort_keys=True)}
        rows += [place | rest | spectrum_row(found) | numerics for found in entry["spectra"]]
    taken = len(trained.checkpoints) - computed
    say(f"{trained.run}: gradients of {computed} checkpoints measured, {taken} taken as they were")
    return rows
