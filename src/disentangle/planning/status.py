"""The state of a study, read from its folder.

    python -m disentangle.planning.status [STUDY.yaml ...]

It starts nothing and writes nothing, so it is safe while the study runs.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from disentangle.checkpoint.manifest import MANIFEST, read_run, run_manifest, step_folder
from disentangle.checkpoint.quarantine import read_quarantined
from disentangle.errors import StudyError
from disentangle.folder_lock import LOCK, holder_of
from disentangle.job_record import record_of
from disentangle.planning.columns import screen_width, table_lines, wrapped
from disentangle.planning.measuring import Results, measurements_of
from disentangle.progress.failure import TAIL, last_error
from disentangle.progress.training import last_step
from disentangle.study.config import StudyConfig
from disentangle.study.external import ExternalRun
from disentangle.study.file import read_study
from disentangle.study.jobs import Jobs
from disentangle.study.results_folder import StudyFolder
from disentangle.study.run import Run

ERRORS_SHOWN = 3

STOPPED = "KeyboardInterrupt"
"""The last error of a job that somebody stopped by Ctrl-C."""

OF_STATE = ("", "done", "of", "quarantined")
OF_QUARANTINED = ("run", "step", "reason")
OF_WORK = ("what", "state", "last sign")
OF_ERRORS = ("log", "when", "error")


def status(study: StudyConfig, folder: StudyFolder, width: int | None = None) -> str:
    """A study's state as a screen of text.

    Args:
        study: the study as its files define it now, even if it was begun with others.
        folder: its results folder.
        width: of the screen; None for lines as long as they are.
    """
    if study.observations:
        lines = [f"{study.study}: observations from {study.observations.file}"]
        lines += ["", f"Tables: {_tables(folder)}"]
        return "\n".join([*lines, *_section("Last errors", OF_ERRORS, _errors(folder), width)])
    jobs = Jobs(study)
    runs: list[Run | ExternalRun] = [*jobs.runs.values(), *jobs.external.values()]
    states = {run.name: _state(run, folder) for run in runs}
    count = Counter(states.values())
    shown = ", ".join(f"{count[state]} {state}" for state in sorted(count))
    lines = [f"{study.study}: {len(runs)} runs: {shown}" if runs else f"{study.study}: no runs"]
    lines += ["", *table_lines(OF_STATE, _counts(jobs, runs, states, folder), width=width)]
    lines += ["", *wrapped([f"Tables: {_tables(folder)}"], width)]
    lines += _section("Quarantined", OF_QUARANTINED, _quarantined(folder), width)
    lines += _section("At work", OF_WORK, _at_work(folder, runs), width)
    lines += _section("Last errors", OF_ERRORS, _errors(folder), width)
    return "\n".join(lines)


def _section(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> list[str]:
    """A titled table of words; nothing without rows."""
    if not rows:
        return []
    return ["", f"{title}:", *table_lines(heads, rows, width=width, left=len(heads))]


def _counts(
    jobs: Jobs,
    runs: Sequence[Run | ExternalRun],
    states: Mapping[str, str],
    folder: StudyFolder,
) -> Iterator[tuple[str, ...]]:
    """What is done, of how much; and what is quarantined."""
    ended = sum(state in ("done", "diverged") for state in states.values())
    yield "runs", str(ended), str(len(runs)), ""
    there = sum(
        (step_folder(folder.checkpoints / run.name, step) / MANIFEST).is_file()
        for run in runs
        for step in run.checkpoints
    )
    yield "checkpoints", str(there), str(sum(len(run.checkpoints) for run in runs)), ""
    for kind in measurements_of(jobs, Results(folder)):
        aside = str(kind.quarantined or "")
        yield f"{kind.kind}: measurements", str(kind.done), str(kind.planned), aside


def _state(run: Run | ExternalRun, folder: StudyFolder) -> str:
    manifest = run_manifest(folder.checkpoints, run.name)
    if not manifest.is_file():
        return "begun" if manifest.parent.is_dir() else "not begun"
    found = read_run(manifest)
    if found.status == "diverged":
        return "diverged"
    accounted = found.checkpoints.keys() | found.quarantined.keys()
    return "done" if set(run.checkpoints) <= accounted else "to be extended"


def _tables(folder: StudyFolder) -> str:
    made = list(folder.path.glob("tables/*.parquet"))
    report = folder.report
    if not made:
        return "none yet"
    newest = max(path.stat().st_mtime for path in made)
    page = f", report {_ago(report.stat().st_mtime)}" if report.is_file() else ", no report yet"
    return f"{len(made)}, the newest {_ago(newest)}{page}"


def _quarantined(folder: StudyFolder) -> list[tuple[str, ...]]:
    found = [
        (run.run, str(step), reason)
        for path in sorted(folder.checkpoints.glob(f"*/{MANIFEST}"))
        for run in [read_run(path)]
        for step, reason in run.quarantined.items()
    ]
    for path in sorted(folder.path.glob("*/*.quarantined.json")):
        found += [(one.run, str(one.step), one.reason) for one in read_quarantined(path)]
    return list(dict.fromkeys(found))


def _at_work(folder: StudyFolder, runs: Sequence[Run | ExternalRun]) -> list[tuple[str, ...]]:
    """Runs held by a live process, and jobs whose log is open: they are running or were killed."""
    steps = {run.name: max(run.checkpoints) for run in runs}
    found: list[tuple[str, ...]] = []
    for lock in sorted(folder.path.glob(f"*/*/{LOCK}")):
        holder = holder_of(lock.parent)
        if holder is None:
            continue
        who = f"SLURM job {holder.job}" if holder.job else f"process {holder.pid}"
        name = lock.parent.name
        far = f"step {last_step(lock.parent)} of {steps.get(name, '?')}"
        found.append((name, f"{who} on {holder.host}, {far}", _ago(lock.stat().st_mtime)))
    for log in sorted(folder.logs.rglob("*.log")):
        if not record_of(log).exists():
            where = str(log.relative_to(folder.logs).with_suffix(""))
            found.append((where, "not ended", _ago(log.stat().st_mtime)))
    return found


def _errors(folder: StudyFolder) -> list[tuple[str, ...]]:
    """The last failures, newest first; a job that has succeeded since has overwritten its log."""
    logs = sorted(folder.logs.rglob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    found: list[tuple[str, ...]] = []
    for log in logs:
        said = last_error(log.read_text(errors="replace")[-TAIL:])
        if said and said != STOPPED:
            found.append((str(log), _ago(log.stat().st_mtime), said.splitlines()[0]))
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
    width = screen_width(sys.stdout.fileno()) if sys.stdout.isatty() else None
    print(status(study, StudyFolder.of(study.study), width))


def main() -> None:
    """Print the status of the study on the command line; see the module."""
    try:
        say_status(sys.argv[1:])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
