"""Continue the study of an unpacked archive.

    python -m disentangle.archive.resume COMMAND...

COMMAND runs the workflow; the study's files are added to it. Before it runs, unchanged files get
one common modification time, so that they trigger no jobs, and runs with missing files are deleted,
to be trained again. Afterwards, retrained runs are compared with the archive: the SHA-256 of their
weights and, where that differs, their losses.
"""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from disentangle.archive.verify import FACTS, METADATA, described_files, open_folder, read_graph
from disentangle.archive.verify import UnusableError as UnusableArchiveError
from disentangle.checkpoint.manifest import MANIFEST, read_checkpoint, read_run, step_folder
from disentangle.checkpoint.references import perturbed_folder, read_perturbed
from disentangle.errors import StudyError
from disentangle.job_record import find_records, machine
from disentangle.storage import read_json, sha256_of
from disentangle.study.results_folder import KINDS, StudyFolder, matching

TOLERANCE = 0.05
"""Nats per token by which the losses of a run may differ if it is retrained on another kind of
machine. Rounding differs there, and training amplifies the differences. Another seed changes a
loss by 0.03 (docs/seeds.md, a standard deviation), so a run within this tolerance is hardly a
different run."""


BEYOND = "BEYOND"


def prepare(folder: Path) -> tuple[list[str], list[str]]:
    """Prepare an unpacked archive, so that the workflow finds what is missing.

    Args:
        folder: where it was unpacked.

    Returns:
        Runs to be trained again because some of their files are missing; and missing outputs of
        jobs, which the workflow must be given as targets: it does not make files that only
        finished jobs read.

    Raises:
        StudyError: if it is not an unpacked archive.
    """
    facts = _facts(folder)
    try:
        entities = read_graph(open_folder(folder)[0])
    except UnusableArchiveError as fault:
        raise StudyError(f"{folder}: {fault}") from None
    made = datetime.fromisoformat(entities["./"]["datePublished"]).timestamp()
    missing = []
    for name, described in described_files(entities).items():
        path = folder / name
        if not path.is_file():
            missing.append(name)
        elif sha256_of(path) == described["sha256"]:
            os.utime(path, (made, made))
        elif path.stat().st_mtime <= made:
            os.utime(path)  # its content changed, so its time must be new
    study = StudyFolder(folder / StudyFolder.of(facts["study"]).path)
    outputs = {name for record in find_records(study.logs).values() for name in record["outputs"]}
    runs = _incomplete(missing, facts["study"], "checkpoints", 1)
    for (run,) in runs:
        _clear(study, run)
    for run, variant in _incomplete(missing, facts["study"], "perturbed", 2):
        _clear_perturbed(study, run, variant)
    known = outputs & described_files(entities).keys()
    gone = sorted(name for name in known if not (folder / name).is_file())
    return sorted(run for (run,) in runs), gone


def _incomplete(missing: Iterable[str], study: str, place: str, depth: int) -> set[tuple[str, ...]]:
    """Folders with missing files, `depth` levels below the results' folder `place`."""
    start = f"results/{study}/{place}/"
    paths = (name.removeprefix(start).split("/") for name in missing if name.startswith(start))
    return {tuple(path[:depth]) for path in paths}


def _facts(folder: Path) -> dict[str, Any]:
    if not (folder / FACTS).is_file() or not (folder / METADATA).is_file():
        raise StudyError(
            f"{folder.resolve()} is not an unpacked archive: it has no {FACTS}.\n"
            "Unpack an archive into an empty folder, and run `make resume` there. To continue a "
            "study of your own, use `make run`."
        )
    facts: dict[str, Any] = read_json(folder / FACTS)
    return facts


def _clear(study: StudyFolder, run: str) -> None:
    """Delete the rest of a run, and the file that marks it as trained."""
    shutil.rmtree(study.checkpoints / run, ignore_errors=True)
    for trained in matching(study.trained("*")):
        if run in read_json(trained):
            trained.unlink()


def _clear_perturbed(study: StudyFolder, run: str, variant: str) -> None:
    """The same for a perturbed checkpoint of a run."""
    shutil.rmtree(perturbed_folder(study.perturbed, run, variant), ignore_errors=True)
    for made in (path for kind in KINDS for path in matching(study.perturbation(kind, "*"))):
        if any((one.run, one.variant) == (run, variant) for one in read_perturbed(made)):
            made.unlink()


def compare(folder: Path, again: Iterable[str]) -> list[str]:
    """Compare the study's runs with the archive.

    Args:
        folder: where it was unpacked.
        again: runs that were to be trained again.

    Returns:
        A line for each of them, and for every other run whose weights differ from the archive's.
    """
    facts = _facts(folder)
    study = StudyFolder(folder / StudyFolder.of(facts["study"]).path)
    told = []
    for run, archived in facts["runs"].items():
        manifest = study.checkpoints / run / MANIFEST
        line = _compared(manifest, archived) if manifest.is_file() else "does not exist"
        if line is None and run in again:
            line = "retrained to the same weights, all SHA-256 equal"
        if line is not None:
            told.append(f"{run}: {line}")
    return told


def _compared(manifest: Path, archived: Mapping[str, Any]) -> str | None:
    """How a run differs from the archived one; None if its checkpoints are identical."""
    run = read_run(manifest)
    hashes = {int(s): one["weights_sha256"] for s, one in archived["checkpoints"].items()}
    shared = sorted(hashes.keys() & run.checkpoints.keys())
    differing = [step for step in shared if run.checkpoints[step] != hashes[step]]
    if not differing:
        return None
    where = _other_platform(run.environment, archived)
    largest = 0.0
    for step in differing:
        now, before = (
            read_checkpoint(step_folder(manifest.parent, step)),
            archived["checkpoints"][str(step)],
        )
        for ours, theirs in (
            (now.train_loss, before["train_loss"]),
            (now.probe_loss, before["probe_loss"]),
        ):
            if ours is not None and theirs is not None:
                largest = max(largest, abs(ours - theirs))
    within = math.isfinite(largest) and largest <= TOLERANCE
    verdict = "within" if within else BEYOND
    return (
        f"the weights of {len(differing)} of {len(shared)} checkpoints differ ({where}); "
        f"their losses differ by at most {largest:.4f} nats per token, {verdict} the tolerance of "
        f"{TOLERANCE}"
    )


def _other_platform(environment: Mapping[str, Any], archived: Mapping[str, Any]) -> str:
    """How the machine and software differ from those of the archived run."""
    then, now = dict(archived["environment"]), dict(environment)
    then |= archived["machine"] or {}
    now |= machine() if archived["machine"] else {}
    then.pop("device", None), now.pop("device", None)
    differing = [
        f"{key}: {then.get(key)}, here {now.get(key)}"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]
    return "; ".join(differing) or "on the same kind of machine, which should not happen"


def main() -> int:
    """Entry of the command; see the module."""
    try:
        return resume(sys.argv[1:])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        return 2


def resume(command: Sequence[str]) -> int:
    """Prepare the folder, run the workflow, and compare.

    Args:
        command: runs the workflow.

    Returns:
        The command's status if it failed; 1 if losses differ by more than the tolerance; else 0.

    Raises:
        StudyError: if this folder is not an unpacked archive.
    """
    folder = Path()
    again, gone = prepare(folder)
    for run in again:
        print(f"{run}: some of its files are missing; it is trained again")
    overlays = _facts(folder)["config_files"][1:]
    command = [*command, *(["--configfile", *overlays] if overlays else [])]
    command += ["--", "all", *gone] if gone else []
    status = subprocess.run(command).returncode  # noqa: S603 (ours)
    if status:
        return status
    lines = compare(folder, again)
    if lines:
        print("\n".join(lines))
    return int(any(BEYOND in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
