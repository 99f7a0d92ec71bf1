"""The state of a study, read from its folder.

    python -m disentangle.planning.status [STUDY.yaml ...]

It starts nothing and writes nothing, so it is safe while the study runs.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from disentangle.checkpoint.manifest import MANIFEST, read_run, run_manifest, step_folder
from disentangle.checkpoint.quarantine import read_quarantined
from disentangle.errors import StudyError
from disentangle.folder_lock import LOCK, holder_of
from disentangle.job_record import record_of
from disentangle.planning.measuring import Results, measurements_of
from disentangle.study.config import StudyConfig
from disentangle.study.external import ExternalRun
from disentangle.study.file import read_study
from disentangle.study.jobs import Jobs
from disentangle.study.results_folder import StudyFolder
from disentangle.study.run import Run

ERRORS_SHOWN = 3
TAIL = 4000
"""Characters at a log's end that are searched for its last error."""


def status(study: StudyConfig, folder: StudyFolder) -> str:
    """A study's state as a screen of text.

    Args:
        study: the study as its files define it now, even if it was begun with others.
        folder: its results folder.
    """
    if study.observations:
        lines = [f"{study.study}: observations from {study.observations.file}"]
        lines.append(f"  tables: {_tables(folder)}")
        return "\n".join([*lines, *_section("Last errors", _errors(folder))])
    jobs = Jobs(study)
    runs: list[Run | ExternalRun] = [*jobs.runs.values(), *jobs.external.values()]
    states = {run.name: _state(run, folder) for run in runs}
    count = Counter(states.values())
    shown = ", ".join(f"{count[state]} {state}" for state in sorted(count))
    lines = [f"{study.study}: {len(runs)} runs: {shown}" if runs else f"{study.study}: no runs"]
    expected = sum(len(run.checkpoints) for run in runs)
    there = sum(
        (step_folder(folder.checkpoints / run.name, step) / MANIFEST).is_file()
        for run in runs
        for step in run.checkpoints
    )
    lines.append(f"  checkpoints: {there} of {expected}")
    lines += [f"  {line}" for line in _measured(jobs, folder)]
    lines.append(f"  tables: {_tables(folder)}")
    lines += _section("Quarantined", _quarantined(folder))
    lines += _section("At work", _at_work(folder, runs))
    lines += _section("Last errors", _errors(folder))
    return "\n".join(lines)


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _state(run: Run | ExternalRun, folder: StudyFolder) -> str:
    manifest = run_manifest(folder.checkpoints, run.name)
    if not manifest.is_file():
        return "begun" if manifest.parent.is_dir() else "not begun"
    found = read_run(manifest)
    if found.status == "diverged":
        return "diverged"
    accounted = found.checkpoints.keys() | found.quarantined.keys()
    return "done" if set(run.checkpoints) <= accounted else "to be extended"


def _measured(jobs: Jobs, folder: StudyFolder) -> Iterator[str]:
    for kind in measurements_of(jobs, Results(folder)):
        aside = f", {kind.quarantined} quarantined" if kind.quarantined else ""
        yield f"{kind.kind}: {kind.done} of {kind.planned} measurements{aside}"


def _tables(folder: StudyFolder) -> str:
    made = list(folder.path.glob("tables/*.parquet"))
    report = folder.report
    if not made:
        return "none yet"
    newest = max(path.stat().st_mtime for path in made)
    page = f", report {_ago(report.stat().st_mtime)}" if report.is_file() else ", no report yet"
    return f"{len(made)}, the newest {_ago(newest)}{page}"


def _quarantined(folder: StudyFolder) -> list[str]:
    found = [
        f"{run.run} step {step}: {reason}"
        for path in sorted(folder.checkpoints.glob(f"*/{MANIFEST}"))
        for run in [read_run(path)]
        for step, reason in run.quarantined.items()
    ]
    for path in sorted(folder.path.glob("*/*.quarantined.json")):
        found += [f"{one.run} step {one.step}: {one.reason}" for one in read_quarantined(path)]
    return list(dict.fromkeys(found))


def _at_work(folder: StudyFolder, runs: list[Run | ExternalRun]) -> list[str]:
    """Runs held by a live process, and jobs whose log is open: they are running or were killed."""
    steps = {run.name: max(run.checkpoints) for run in runs}
    found = []
    for lock in sorted(folder.path.glob(f"*/*/{LOCK}")):
        holder = holder_of(lock.parent)
        if holder is None:
            continue
        who = f"SLURM job {holder.job}" if holder.job else f"process {holder.pid}"
        name = lock.parent.name
        found.append(
            f"{name}: {who} on {holder.host}, step {_last_step(lock.parent)} of "
            f"{steps.get(name, '?')}, last sign {_ago(lock.stat().st_mtime)}"
        )
    for log in sorted(folder.logs.rglob("*.log")):
        if not record_of(log).exists():
            where = log.relative_to(folder.logs).with_suffix("")
            found.append(f"{where}: not ended, last line {_ago(log.stat().st_mtime)}")
    return found


def _last_step(folder: Path) -> str:
    log = folder / "steps.jsonl"
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    for line in reversed(lines):  # the last line may be only partly written
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(line)["step"])
    return "0"


def _errors(folder: StudyFolder) -> list[str]:
    """The last failures, newest first; a job that has succeeded since has overwritten its log."""
    logs = sorted(folder.logs.rglob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = []
    for log in logs:
        tail = log.read_text(errors="replace")[-TAIL:]
        if "Traceback (most recent call last)" in tail:
            said = [line for line in tail.splitlines() if line and not line.startswith(" ")]
            named = [line for line in said if "Error" in line.split(":")[0]]
            last = (named or said)[-1].removeprefix("disentangle.errors.")
            found.append(f"{log} ({_ago(log.stat().st_mtime)}): {last}")
    return found[:ERRORS_SHOWN]


def _ago(moment: float) -> str:
    seconds = max(0, round(time.time() - moment))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def say_status(files: Sequence[str]) -> None:
    """Print the state of the study that the files describe.

    Raises:
        StudyError: if they do not describe a study.
    """
    study = read_study([Path(path) for path in files])
    print(status(study, StudyFolder.of(study.study)))


def main() -> None:
    """Print the status of the study on the command line; see the module."""
    try:
        say_status(sys.argv[1:])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
