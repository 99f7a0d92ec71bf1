"""The loss of each token over the checkpoints of a run."""

from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, read_step, step_folder
from disentangle.corpus.documents import read_texts
from disentangle.errors import QuarantineError
from disentangle.geometry.measurements import LIBRARIES
from disentangle.job import Say
from disentangle.provenance import PACKAGE, computing_code
from disentangle.storage import sha256_of

SEED = 0
"""Of the random orders that a trend by chance is taken from."""


def following_code() -> str:
    """Hash of the code, libraries included, that token trends depend on."""
    paths = ("token_losses.py", "token_trends.py")
    return "".join(
        computing_code(PACKAGE / "evaluation" / path, libraries=LIBRARIES) for path in paths
    )


def follow_tokens(
    run_manifest: Path,
    *,
    passages: Path,
    count: int,
    max_tokens: int,
    cache: Cache,
    code_version: str,
    threads: int,
    say: Say,
) -> list[dict[str, Any]]:
    """Give the rows of the token_trends table for one run; see `trends`.

    Args:
        run_manifest: the run's manifest, beside its checkpoints.
        passages: the held-out passages of domain id.
        count: how many of them are read.
        max_tokens: each is read up to this many tokens.
        cache: finished measurements; an entry is a run with all its checkpoints.
        code_version: from `following_code`, part of an entry's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per kind of trajectory. None for a run with too few checkpoints, or with one that
        is quarantined.
    """
    run = read_run(run_manifest)
    steps = sorted(step for step in run.checkpoints if step > 0)
    manifests = [read_step(run, run_manifest.parent, step) for step in steps]
    key = {
        "matrix": "token trends",
        "checkpoints": [manifest.content_sha256 for manifest in manifests],
        "text": sha256_of(passages),
        "passages": count,
        "max_tokens": max_tokens,
        "code": code_version,
    }
    entry = cache.get(key)
    if entry is None:
        import numpy as np

        from disentangle.evaluation.token_losses import token_losses
        from disentangle.evaluation.token_trends import FEWEST, trends

        texts = read_texts(passages)[:count]
        found: list[dict[str, Any]] = []
        if len(steps) >= FEWEST:
            try:
                losses = [
                    token_losses(
                        step_folder(run_manifest.parent, step),
                        texts,
                        max_tokens=max_tokens,
                        threads=threads,
                    )
                    for step in steps
                ]
            except QuarantineError as fault:
                say(str(fault))
                return []
            share = np.array(steps, np.float64) / steps[-1]
            found = trends(share, np.stack(losses, axis=1).astype(np.float64), SEED)
        cache.put(key, {"trends": found})
        entry = {"trends": found}
        say(f"{run.run}: tokens followed over {len(steps)} checkpoints")
    return [{"run": run.run} | row for row in entry["trends"]]
