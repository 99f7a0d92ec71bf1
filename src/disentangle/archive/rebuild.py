"""Check an archive by recomputing its tables, figures and report from its stored measurements.

No code from the archive is run: this workflow reads its data in a temporary folder. Weights are not
unpacked, so the archive must contain every measurement.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from disentangle.archive import redrawn
from disentangle.archive.verify import (
    FACTS,
    Source,
    check,
    counted,
    faults_of_gaps,
    open_zip,
    read_json,
    told,
)
from disentangle.archive.verify import UnusableError as UnusableArchiveError
from disentangle.archive.write import files_of, refuse_absolute_paths
from disentangle.checkpoint.manifest import WEIGHTS
from disentangle.checkpoint.quarantine import read_quarantined
from disentangle.errors import StudyError
from disentangle.job import Say
from disentangle.job_record import RECORD, machine, read_record
from disentangle.parquet import read_parquet
from disentangle.provenance import code_hash
from disentangle.storage import sha256_of, write_json
from disentangle.study.config import StudyConfig
from disentangle.study.file import read_study
from disentangle.study.results_folder import StudyFolder, matching
from disentangle.tables.files import read_tables
from disentangle.tables.version import VERSION, version_of

COMPUTED = (
    *("measure_geometry", "evaluate_checkpoints", "compare_layers", "measure_matrices"),
    "follow_tokens",
    *("collect", "collect_layers", "collect_matrices", "collect_gradients"),
    "collect_surgery",
    *("take_observations", "measure_leakage"),
    *("analyze", "analyze_experiment", "simulate", "judge_neighbours", "tables"),
)
"""Rules that turn stored measurements into tables. No other may run."""

SHOWN = ("draw_figures", "write_report")
"""Rules that turn tables into figures and the report, in this order."""

OF_THE_RUN = ("costs", "plan")
"""Tables about the run's costs, which do not follow from its results."""

MEASURED = ("geometry", "evaluation", "layers", "matrices", "token_trends")

LARGEST_CONFIG = 1 << 20
"""Most bytes of a study file."""


def verify(archive: Path, root: Path, cores: int, say: Say) -> None:
    """Check an archive: its files and description, then its tables.

    Args:
        archive: a `.crate.zip`; it need not be trusted.
        root: this workflow's folder, whose code is run.
        cores: for the recomputing jobs.
        say: prints a message.

    Raises:
        StudyError: with every file that is changed, missing, extra or different when recomputed, or
            with the reason why the check was not possible.
    """
    try:
        with archive.open("rb") as file, zipfile.ZipFile(file) as opened:
            source, faults = open_zip(opened)
            faults = faults or faults_of_gaps(opened, file)
            if faults := faults or check(source):
                raise StudyError(f"{archive}: {counted(faults)}:\n{told(faults)}")
            say(f"{archive}: all {len(source.files)} files are what the archive says")
            facts = _facts(source)
            _refuse_other_code(source, facts, root)
            with TemporaryDirectory(prefix="verify-") as temporary:
                _verify_tables(source, facts, Path(temporary), root, cores, say)
    except FileNotFoundError:
        raise StudyError(f"{archive} does not exist.") from None
    except UnusableArchiveError as fault:
        raise StudyError(f"{archive}: {fault}") from None
    except (zipfile.BadZipFile, OSError) as fault:
        raise StudyError(f"{archive}: cannot be read: {fault}") from fault


def _facts(source: Source) -> dict[str, Any]:
    """The content of an archive's `archive.json`, after checking its form."""
    facts: dict[str, Any] = read_json(source, FACTS)
    config, commit = facts.get("config_files"), facts.get("commit")
    sound = (
        isinstance(config, list)
        and config
        and all(isinstance(name, str) and name in source.files for name in config)
        and isinstance(commit, str)
        and isinstance(facts.get("corpus"), bool)
        and isinstance(facts.get("uncommitted"), list)
    )
    if not sound:
        raise UnusableArchiveError(f"{FACTS}: does not name its study files, commit and contents")
    return facts


def _refuse_other_code(source: Source, facts: dict[str, Any], root: Path) -> None:
    """Refuse an archive whose tables were made by code other than this clone's."""
    here = {code_hash(script) for script in (root / "workflow" / "scripts").glob("*.py")}
    others = set()
    for name in source.files:
        if name.startswith(f"results/{facts['study']}/logs/") and name.endswith(RECORD):
            record = read_json(source, name)
            if record["rule"] in (*COMPUTED, *SHOWN) and record["code"] not in here:
                others.add(record["rule"])
    if others:
        changed = " with uncommitted changes" if facts["uncommitted"] else ""
        raise StudyError(
            "The files match their recorded hashes. The tables could not be recomputed:\n"
            "they were made by other code than this clone's "
            f"({', '.join(sorted(others))}).\nThe archive is of commit {facts['commit']}{changed}. "
            f"Run\n  git checkout {facts['commit']}\nand verify again."
        )


def _verify_tables(
    source: Source, facts: dict[str, Any], folder: Path, root: Path, cores: int, say: Say
) -> None:
    study = _unpack(source, facts, folder)
    results = StudyFolder(folder / StudyFolder.of(study.study).path)
    logs, archived_logs = results.logs, folder / "logs"
    _forget_hashes(logs)
    shutil.copytree(logs, archived_logs)
    if not facts["corpus"]:
        say("the archive has no text: tables are recomputed from the stored rows")
    rules, stages = [*COMPUTED], [*MEASURED]
    if study.geometry.metrics:
        say("code of user-defined metrics is not run: the stored geometry rows are used")
        rules.remove("measure_geometry")
        stages.remove("geometry")
    doomed = sorted(_follows(results, stages if facts["corpus"] else []))
    wanted = _moved_away(doomed)
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    _make(folder, facts["config_files"], root, cores, "tables", rules)
    refuse = partial(_refuse_others, folder=folder, said=_other_machine(source, facts))
    refuse(wanted)
    say(f"{len(wanted)} recomputed tables are identical, byte for byte")
    drawn = [*matching(results.figure("*", "*")), results.table("costs")]
    wanted = _moved_away([*drawn, results.report])
    for rule in SHOWN:
        # the table of costs is made from the records of the original jobs
        shutil.rmtree(logs)
        shutil.copytree(archived_logs, logs)
        _make(folder, facts["config_files"], root, cores, rule, [rule])
    refuse(wanted)
    say(f"{len(wanted)} redrawn figures and pages show the same")


def _forget_hashes(logs: Path) -> None:
    """Remove the outputs' hashes from records: outputs made here are compared with the archive."""
    for path in logs.rglob(f"*{RECORD}"):
        write_json(path, read_record(path) | {"sha256": {}})


def _moved_away(paths: Iterable[Path]) -> dict[Path, Path]:
    """Rename files; returns old path to new path."""
    moved = {path: path.with_name(f"{path.name}.archived") for path in paths}
    for path, kept in moved.items():
        path.rename(kept)
    return moved


def _refuse_others(wanted: Mapping[Path, Path], *, folder: Path, said: str) -> None:
    """Refuse recomputed files that differ from the archive's.

    Args:
        wanted: recomputed file to the archive's file.
        folder: where they are.
        said: a possible reason, which ends the message.
    """
    faults = [
        f"{path.relative_to(folder).as_posix()}: {fault}"
        for path, kept in wanted.items()
        if (fault := _difference(path, kept)) is not None
    ]
    if faults:
        raise StudyError(
            f"{len(faults)} of {len(wanted)} recomputed files differ from the archive's:\n"
            + told(faults)
            + said
        )


def _unpack(source: Source, facts: dict[str, Any], folder: Path) -> StudyConfig:
    """Unpack the data that tables are computed from; returns the study."""
    config = facts["config_files"]
    for name in config:
        _put(source, name, folder, LARGEST_CONFIG)
    base, *overlays = (folder / name for name in config)
    study = read_study(overlays, base)
    refuse_absolute_paths(study)
    if study.study != facts["study"]:
        raise StudyError(
            f"{FACTS} names the study {facts['study']}, but its files name {study.study}."
        )
    names = [
        name
        for name in source.files
        if name.startswith(f"results/{study.study}/") and not name.endswith(f"/{WEIGHTS}")
    ]
    for name in [*names, *files_of(study)]:
        _put(source, name, folder, source.files.get(name, 0))
    return study


def _put(source: Source, name: str, folder: Path, limit: int) -> None:
    if name not in source.files:
        raise StudyError(f"{name}: missing, although the study needs it")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in source.pieces(name, limit):
            file.write(piece)


def _follows(results: StudyFolder, stages: Sequence[str]) -> Iterator[Path]:
    """Files that can be recomputed from the others.

    The files of a job that quarantined a checkpoint are not among them: they need its weights.

    Args:
        results: the study's results.
        stages: those whose rows can be recomputed from stored measurements.
    """
    for path in matching(results.table("*")):
        if path.stem not in OF_THE_RUN and (stages or path.stem != "leakage"):
            yield path
    for stage in stages:
        for path in matching(results.measured(stage, "*")):
            quarantined = path.with_suffix(".quarantined.json")
            if not quarantined.exists():
                yield path
            elif not read_quarantined(quarantined):
                yield from (path, quarantined)


def _make(
    folder: Path,
    config_files: list[str],
    root: Path,
    cores: int,
    target: str,
    rules: Iterable[str],
) -> None:
    """Run the workflow's own rules, and no others, on the archive's data."""
    overlays = [str(folder / name) for name in config_files[1:]]
    command = [
        *(sys.executable, "-m", "snakemake", target, "--snakefile", str(root / "Snakefile")),
        *("--directory", str(folder), "--cores", str(cores), "--nolock", "--quiet", "rules"),
        *("--rerun-triggers", "mtime", "--workflow-profile", "none"),
        *(["--configfile", *overlays] if overlays else []),
        *("--allowed-rules", *rules),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)  # noqa: S603 (ours)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        shown = "\n".join(f"  {line}" for line in said[-20:])
        raise StudyError(f"Recomputing {target} failed:\n{shown}")


def _difference(path: Path, archived: Path) -> str | None:
    """How a recomputed file differs from the archive's, or None."""
    if not path.exists():
        return "cannot be recomputed from the archive's contents"
    if sha256_of(path) == sha256_of(archived):
        return None
    if path.suffix in (".html", ".svg", ".pdf"):
        return redrawn.difference(path, archived)
    if path.suffix != ".parquet":
        return "differs when recomputed"
    theirs = version_of(read_parquet(archived).schema.metadata)
    if theirs and theirs != VERSION:
        return (
            f"has version {theirs} of the tables, and this Disentangle makes {VERSION}: verify it "
            "with the code that the archive contains"
        )
    return _difference_of_tables(read_tables([path]), read_tables([archived]))


def _difference_of_tables(again: pd.DataFrame, archived: pd.DataFrame) -> str:
    if list(again.columns) != list(archived.columns) or len(again) != len(archived):
        return f"has {len(archived)} rows, but {len(again)} or other columns when recomputed"
    for column in again:
        pairs = zip(map(repr, archived[column]), map(repr, again[column]), strict=True)
        for row, (theirs, ours) in enumerate(pairs):
            if ours != theirs:
                return f"row {row}, {column}: {theirs[:60]}, but {ours[:60]} when recomputed"
    return "has the same rows, but different bytes"


def _other_machine(source: Source, facts: dict[str, Any]) -> str:
    start = f"results/{facts['study']}/logs/"
    records: Iterable[dict[str, Any]] = (
        read_json(source, name)
        for name in source.files
        if name.startswith(start) and name.endswith(RECORD)
    )
    made_on = {
        (record["machine"]["cpu"], record["machine"]["python"])
        for record in records
        if record["rule"] in COMPUTED
    }
    here = machine()
    if made_on <= {(here["cpu"], here["python"])}:
        return ""
    shown = "; ".join(f"{cpu}, Python {python}" for cpu, python in sorted(made_on))
    return (
        f"\nThey were made on a different kind of machine ({shown}) from this one ({here['cpu']}, "
        f"Python {here['python']}): this alone can change the last digits."
    )
