"""How similar each layer of a run's checkpoints is to the same layer of the last checkpoint."""

import json
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


def comparing_code() -> str:
    """Hash of the code, libraries included, that a comparison depends on."""
    return computing_code(PACKAGE / "geometry" / "layer_comparison.py", libraries=LIBRARIES)


def compare_layers(
    run_manifest: Path,
    *,
    heldout: dict[str, Path],
    max_tokens: int,
    cache: Cache,
    code_version: str,
    threads: int,
    say: Say,
) -> list[dict[str, Any]]:
    """Give the rows of the layers table for one run, after Diehl Martinez et al. 2024.

    Each checkpoint is compared with the last one that the run has; for a run that diverged, that
    is the last with a finite loss. A cache entry is one checkpoint and one domain compared with
    that last checkpoint, so if the run is trained further, all are compared again.

    Args:
        run_manifest: the run's manifest, beside its checkpoints.
        heldout: held-out domain to its passages.
        max_tokens: a passage is read up to this many tokens.
        cache: finished measurements.
        code_version: from `comparing_code`, part of a cache entry's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint, domain, layer and part, in this order; layer 0 is the embedding.

        A quarantined checkpoint has no rows. If the last one is quarantined, no checkpoint has
        rows, since there is nothing to compare with. The geometry job lists the same checkpoint.
    """
    run = read_run(run_manifest)
    if not run.checkpoints:
        return []
    last = max(run.checkpoints)
    comparison: Any = None
    texts_sha256 = {domain: sha256_of(path) for domain, path in heldout.items()}
    rows: list[dict[str, Any]] = []
    computed = 0
    manifests = {step: read_step(run, run_manifest.parent, step) for step in run.checkpoints}
    for step, manifest in sorted(manifests.items()):
        folder = step_folder(run_manifest.parent, step)
        for domain, text in texts_sha256.items():
            key = {
                "matrix": "layers",
                "checkpoint": manifest.content_sha256,
                "last": manifests[last].content_sha256,
                "domain": domain,
                "text": text,
                "max_tokens": max_tokens,
                "code": code_version,
            }
            entry = cache.get(key)
            if entry is None:
                if comparison is None:
                    from disentangle.geometry.layer_comparison import LayerComparison

                    comparison = LayerComparison(
                        step_folder(run_manifest.parent, last),
                        {name: read_texts(path) for name, path in heldout.items()},
                        max_tokens,
                        threads,
                    )
                try:
                    cache.put(key, comparison.of(folder, domain))
                except QuarantineError as fault:
                    say(str(fault))
                    continue
                entry = cache.get(key)
                computed += 1
            assert entry is not None
            place = {"run": run.run, "step": step, "tokens": manifest.tokens, "domain": domain}
            numerics = json.dumps(entry["numerics"], sort_keys=True)
            rows += [place | layer | {"numerics": numerics} for layer in entry["layers"]]
    compared = len(run.checkpoints) * len(heldout)
    say(f"{run.run}: layers of {computed} compared, {compared - computed} taken as they were")
    return rows
