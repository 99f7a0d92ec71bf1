"""Random damage to random files of a finished study, other than its checkpoints."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fault_trials.damage import WAYS
from fault_trials.trial import Trial
from fault_trials.workbench import copied, environment, fingerprints, finished, started

AT_ONCE = 4
"""Files that are damaged before a start; one that seems lost is damaged once more alone."""

HARMLESS = (".log", "starts.jsonl", ".held", ".crate.zip")
"""Endings of files that nothing is computed from; an archive checks itself. Specs are harmless,
too: every start writes them anew, whatever is in them."""


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Damage, audit, start again, and compare every file with the sound study's."""
    sound = finished(folder / "finished")
    while count > 0:
        changes = {}
        for path in chance.sample(_files(sound), min(AT_ONCE, count)):
            way = chance.choice(sorted(WAYS))
            content = path.read_bytes()
            changed = WAYS[way](content, chance)
            if changed != content:
                changes[path.relative_to(sound)] = (way, changed)
        for name, trial in _tried(changes, sound, folder / "damaged").items():
            count -= 1
            if trial.outcome == "lost" and len(changes) > 1:  # or another of them stopped the start
                trial = _tried({name: changes[name]}, sound, folder / "damaged")[name]
            yield trial


def _tried(changes: dict[Path, tuple[str, bytes]], sound: Path, folder: Path) -> dict[Path, Trial]:
    """What comes of changes that are made to a copy of a study at once, by name of the file."""
    study = copied(sound, folder)
    for name, (_, changed) in changes.items():
        (study / name).write_bytes(changed)
    audited = _audit(study)
    start = started(study)
    said = audited + start.stdout + start.stderr
    recovered = start.returncode == 0 and fingerprints(study) == fingerprints(sound)
    return {
        name: _judged(name, f"{way} {name}", study, sound, said, recovered=recovered)
        for name, (way, _) in changes.items()
    }


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
    name: Path, fault: str, study: Path, sound: Path, said: str, *, recovered: bool
) -> Trial:
    noticed = str(name) in said
    same = (study / name).is_file() and (study / name).read_bytes() == (sound / name).read_bytes()
    if "Traceback" in said:
        return Trial(fault, noticed, "lost", said[-1500:])
    if recovered and (name.name.endswith(HARMLESS) or "specs" in name.parts):
        return Trial(fault, noticed, "harmless")
    if same or (recovered and _is_made_anew(name)):
        return Trial(fault, noticed, "recovered")
    if noticed:  # by the audit, which says what to do; nothing was computed from it
        return Trial(fault, noticed, "refused")
    return Trial(fault, noticed, "lost", said[-1500:])


def _is_made_anew(name: Path) -> bool:
    """Whether a file holds times of this machine, and so is never the same twice."""
    return name.name.endswith((".record.json", "costs.parquet", "report.html", "training.parquet"))
