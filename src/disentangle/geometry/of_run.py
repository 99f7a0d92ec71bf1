"""Measure W and H of every checkpoint of a run, making each measurement only once."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, read_step, step_folder
from disentangle.checkpoint.quarantine import Quarantined
from disentangle.checkpoint.references import BASE
from disentangle.corpus.documents import read_texts
from disentangle.errors import QuarantineError
from disentangle.geometry import CENTERED
from disentangle.geometry.measurements import made_of
from disentangle.geometry.metrics import read_off
from disentangle.geometry.user_metric import load
from disentangle.job import Say
from disentangle.storage import sha256_of
from disentangle.vocabulary.matrices import BY_NAME, places
from disentangle.vocabulary.user_metric import UserMetric

UNKNOWN = "unknown"
"""Key of a cache entry that says why a matrix of this model is not known."""

Keys = dict[str, dict[str, Any]]
"""Keys of the cache entries of one matrix, by measurement."""


def cache_keys(
    content_sha256: str, texts_sha256: dict[str, str], max_tokens: int, codes: Mapping[str, str]
) -> dict[tuple[str, str], Keys]:
    """The keys of one checkpoint's measurements, by matrix and domain; see `matrices.places`.

    Args:
        content_sha256: the checkpoint's, from its manifest.
        texts_sha256: of the passages of each domain.
        max_tokens: a passage is read up to this many tokens.
        codes: measurement to the hash of its code; see `geometry.measurements`.
    """
    read = {domain: {"text": sha, "max_tokens": max_tokens} for domain, sha in texts_sha256.items()}
    return {
        (kind.name, domain): {
            measurement: {
                "checkpoint": content_sha256,
                "matrix": kind.name,
                "domain": domain,
                "measurement": measurement,
                "code": code,
                **read.get(domain, {}),
            }
            for measurement, code in codes.items()
            if made_of(measurement, kind)
        }
        for kind, domain in places(list(texts_sha256))
    }


def measure_run(
    run_manifest: Path,
    *,
    heldout: dict[str, Path],
    max_tokens: int,
    cache: Cache,
    codes: Mapping[str, str],
    own: Sequence[UserMetric],
    threads: int,
    say: Say,
) -> tuple[list[dict[str, Any]], list[Quarantined]]:
    """Give the rows of the geometry table for one run, and its quarantined checkpoints.

    Args:
        run_manifest: the run's manifest, beside its checkpoints.
        heldout: held-out domain to its passages, for H.
        max_tokens: a passage is read up to this many tokens.
        cache: finished measurements.
        codes: each measurement and the hash of its code, which is part of a cache entry's key.
        own: the user's own metrics, which are measured too.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint, matrix and domain. A checkpoint has no rows if it does not match
        its manifest or one of its matrices cannot be measured. A matrix that is not known of a
        model's architecture has no row.
    """
    run = read_run(run_manifest)
    functions: dict[str, Callable[[Any], Any]] = {}
    of_study = {metric.spelled: metric for metric in own}
    codes = with_own(codes, own)
    texts_sha256 = {domain: sha256_of(path) for domain, path in heldout.items()}
    rows: list[dict[str, Any]] = []
    quarantined: list[Quarantined] = []
    unknown_matrices: dict[str, str] = {}
    asked: set[str] = set()
    computed = 0
    for step in sorted(run.checkpoints):
        folder = step_folder(run_manifest.parent, step)
        manifest = read_step(run, run_manifest.parent, step)
        keys = cache_keys(manifest.content_sha256, texts_sha256, max_tokens, codes)
        found = {
            (*place, measurement): cache.get(key)
            for place, of_matrix in keys.items()
            for measurement, key in of_matrix.items()
        }
        due = {
            place: [measurement for measurement in of_matrix if found[*place, measurement] is None]
            for place, of_matrix in keys.items()
        }
        if any(due.values()):
            from disentangle.geometry.final_norm import NoNormError
            from disentangle.geometry.of_checkpoint import Matrices
            from disentangle.geometry.of_matrix import measure, measure_user_metric

            functions = functions or {metric: load(metric) for metric in of_study}
            try:
                matrices = Matrices(folder, max_tokens, threads)
                for (matrix, domain), measurements in due.items():
                    if not measurements:
                        continue
                    texts = read_texts(heldout[domain]) if domain else None
                    try:
                        M, numerics = matrices.of(BY_NAME[matrix], texts)
                    except NoNormError as unknown:
                        for measurement in measurements:
                            key = keys[matrix, domain][measurement]
                            found[matrix, domain, measurement] = cache.put(
                                key, {UNKNOWN: str(unknown)}
                            )
                        continue
                    for measurement in measurements:
                        if measurement in of_study:
                            record = measure_user_metric(
                                M, of_study[measurement], functions[measurement]
                            )
                        else:
                            record = measure(M, [measurement])[measurement]
                        key = keys[matrix, domain][measurement]
                        found[matrix, domain, measurement] = cache.put(
                            key, {"measured": record, "numerics": numerics}
                        )
            except QuarantineError as fault:
                quarantined.append(Quarantined(run.run, step, BASE, fault.reason))
                say(str(fault))
                continue
            asked.update(*due.values())
            computed += sum(map(bool, due.values()))
        for (matrix, domain), of_matrix in keys.items():
            place = {"run": run.run, "step": step, "tokens": manifest.tokens}
            place |= {"matrix": matrix, "domain": domain}
            measured: dict[str, Any] = {name: found[matrix, domain, name] for name in of_matrix}
            if reason := next(iter(measured.values())).get(UNKNOWN):
                unknown_matrices[matrix] = reason
            else:
                rows.append(place | _row(measured, own))
    for matrix, reason in unknown_matrices.items():
        say(f"{run.run}: {matrix} is not known: {reason}")
    alone = f" ({', '.join(sorted(asked))} alone)" if asked and asked != codes.keys() else ""
    taken = len(rows) - computed
    say(f"{run.run}: {computed} matrices measured{alone}, {taken} taken as they were")
    return rows, quarantined


def with_own(codes: Mapping[str, str], own: Sequence[UserMetric]) -> dict[str, str]:
    """Each measurement and the hash of its code, with a user's own metrics added."""
    return dict(codes) | {metric.spelled: metric.code for metric in own}


def _row(found: Mapping[str, Any], own: Sequence[UserMetric]) -> dict[str, Any]:
    """The row of a matrix from all its measurements.

    Its numerics are those of the first measurement. If another measurement was made under
    different numerics, these are added under that measurement's name.
    """
    first = next(iter(found.values()))["numerics"]
    differing = {q: entry["numerics"] for q, entry in found.items() if entry["numerics"] != first}
    measured: dict[str, Any] = {}
    for entry in found.values():
        measured |= entry["measured"]
    names = [f"{metric.name}{suffix}" for metric in own for suffix in ("", CENTERED)]
    further = {name: measured[name] for name in names if name in measured}
    return (
        read_off(measured) | further | {"numerics": json.dumps(first | differing, sort_keys=True)}
    )
