"""Random damage to random files of a finished study, other than its checkpoints."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from disentangle.study.start import AGAIN
from fault_trials.damage import WAYS
from fault_trials.trial import Trial
from fault_trials.workbench import copied, environment, fingerprints, finished, started

AT_ONCE = 4
"""Files that are damaged before a start; each is judged by itself."""

HARMLESS = (".log", "starts.jsonl", ".held", ".crate.zip")
"""Endings of files that nothing is computed from; an archive checks itself."""


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Damage, audit, start again, and compare every file with the sound study's."""
    sound = finished(folder / "finished")
    while count > 0:
        study = copied(sound, folder / "damaged")
        done = {}
        for path in chance.sample(_files(study), min(AT_ONCE, count)):
            way = chance.choice(sorted(WAYS))
            content = path.read_bytes()
            changed = WAYS[way](content, chance)
            if changed != content:
                path.write_bytes(changed)
                done[path] = f"{way} {path.relative_to(study)}"
        audited = _audit(study)
        start = started(study)
        said = audited + start.stdout + start.stderr
        recovered = start.returncode == 0 and fingerprints(study) == fingerprints(sound)
        for path, fault in done.items():
            count -= 1
            yield _judged(path, fault, study, sound, said, recovered=recovered)


def _files(study: Path) -> list[Path]:
    results = study / "results" / "tiny"
    return sorted(
        path
        for path in results.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and "trainer" not in path.parts
        and not any(part.startswith("step") for part in path.relative_to(results).parts[:-1])
    )


def _audit(study: Path) -> str:
    command = [sys.executable, "-m", "disentangle.audit", "tiny.yaml"]
    done = subprocess.run(
        command, cwd=study, capture_output=True, text=True, env=environment(study)
    )
    return done.stdout + done.stderr


def _judged(
    path: Path, fault: str, study: Path, sound: Path, said: str, *, recovered: bool
) -> Trial:
    name = path.relative_to(study)
    noticed = str(name) in said
    same = path.is_file() and _content(path) == _content(sound / name)
    if "Traceback" in said:
        return Trial(fault, noticed, "lost", said[-1500:])
    if name.name.endswith(HARMLESS) and recovered:
        return Trial(fault, noticed, "harmless")
    if same or (recovered and _is_made_anew(name)):
        return Trial(fault, noticed, "recovered")
    if noticed:  # by the audit, which says what to do; nothing was computed from it
        return Trial(fault, noticed, "refused")
    return Trial(fault, noticed, "lost", said[-1500:])


def _content(path: Path) -> object:
    """A file's bytes; of an order what the job is to do, whether or not it is to run once more."""
    if "orders" not in path.parts:
        return path.read_bytes()
    return json.loads(path.read_bytes()) | {AGAIN: None}


def _is_made_anew(name: Path) -> bool:
    """Whether a file holds times of this machine, and so is never the same twice."""
    return name.name.endswith((".record.json", "costs.parquet", "report.html", "training.parquet"))
