"""The checks of an audit: each looks at one file, and yields its faults."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from disentangle.audit.fault import Fault
from disentangle.checkpoint.cache import read_entry
from disentangle.checkpoint.manifest import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    read_run,
    run_manifest,
    step_folder,
)
from disentangle.checkpoint.references import Perturbed, perturbed_folder, read_perturbed
from disentangle.errors import StudyError
from disentangle.job_record import read_record, record_paths
from disentangle.outputs import LARGEST, Output, job_name, outputs_of
from disentangle.parquet import read_parquet
from disentangle.storage import DamagedError, read_json, read_sealed, sha256_of
from disentangle.study.results_folder import KINDS, StudyFolder, matching
from disentangle.tables.training import TRAINING
from disentangle.training.log import read_log
from disentangle.training.run_folder import RunFolder

RUN_AGAIN = "run the workflow: it is made again"


@dataclass(frozen=True)
class Check:
    """One file to look at."""

    kind: str
    """The kind of file, for the counts: outputs, checkpoints, measurements, ..."""
    look: Callable[[], Iterator[Fault]]


def checks_of(results: Path) -> Iterator[Check]:
    """All checks of a study.

    Args:
        results: the study's folder, relative to where the workflow runs.
    """
    study = StudyFolder(results)
    outputs = outputs_of(study.logs)
    recorded = {output.path for output in outputs}
    for record in record_paths(study.logs).values():
        yield Check("records", partial(_readable, record, read_record))
    for output in outputs:
        yield Check("outputs", partial(_output, output))
    for path in sorted(results.glob("*/*.parquet")):
        if path not in recorded and path.parent.name != "damaged":
            yield Check("tables", partial(_readable, path, read_parquet))
    for trained in matching(study.trained("*")):
        yield from _trained(trained, study)
    for kind in KINDS:
        for made in matching(study.perturbation(kind, "*")):
            yield from _perturbed(made, study)
    for entry in sorted(study.cache("").rglob("*.json")):
        yield Check("measurements", partial(_readable, entry, read_entry, "rm {}"))


def _readable(
    path: Path, read: Callable[[Path], object], remedy: str | None = None
) -> Iterator[Fault]:
    try:
        read(path)
    except DamagedError as error:
        what = error.fault.removeprefix("is damaged: ")
        yield Fault(path, "damaged", what, remedy.format(path) if remedy else error.remedy)


def _output(output: Output) -> Iterator[Fault]:
    if not output.path.is_file():
        yield Fault(output.path, "missing", f"{job_name(output.job)} made it", RUN_AGAIN)
    elif output.is_damaged():
        small = output.path.stat().st_size <= LARGEST
        # a start of the workflow compares small outputs only
        by_hand = f"rm {output.path}, and run the workflow with --forcerun {output.job[0]}"
        what = f"not as {job_name(output.job)} left it"
        yield Fault(output.path, "damaged", what, RUN_AGAIN if small else by_hand)


def _trained(trained: Path, study: StudyFolder) -> Iterator[Check]:
    """Checks of a cohort's runs, if their file can be read; as an output it is checked anyway."""
    try:
        hashes = read_json(trained)
    except DamagedError:
        return
    for run, sha256 in hashes.items():
        manifest = run_manifest(study.checkpoints, run)
        yield Check("runs", partial(_run, manifest, sha256, trained))
        yield from _steps(manifest, trained)


def _run(manifest: Path, sha256: str | None, standing: Path) -> Iterator[Fault]:
    """Check a run's own files: its manifest, its identity and its log."""
    if not manifest.is_file():
        yield Fault(manifest, "missing", f"{standing} names its run", _again(standing))
    elif sha256 is not None and sha256_of(manifest) != sha256:
        yield Fault(manifest, "damaged", f"its SHA-256 is not the one in {standing}", RUN_AGAIN)
    else:
        yield from _readable(manifest, read_run)
    folder = RunFolder(manifest.parent)
    if (identity := folder.path / "identity.json").is_file():
        yield from _readable(identity, read_sealed, "if the study is as it was: rm {}")
    if (table := folder.path / "training.parquet").is_file():
        faults = list(_readable(table, _training_table, f"rm {{}} {standing}, and {RUN_AGAIN}"))
        yield from faults
        yield from _gaps(folder) if faults else _log(folder, table)


def _training_table(path: Path) -> None:
    """Raise DamagedError unless a file is a training table. A footer has no checksum, so a changed
    byte there may read as another column."""
    found, expected = read_parquet(path).schema.names, TRAINING.schema.names
    if found != expected:
        raise DamagedError(path, f"is damaged: its columns are {', '.join(found)}")


def _gaps(folder: RunFolder) -> Iterator[Fault]:
    """Find steps missing from a run's log, if there is no table to compare it with."""
    with suppress(StudyError):  # a damaged manifest is a fault of its own
        last = read_run(folder.path / MANIFEST).last_finite_step
        steps: list[int] | None = None
        with suppress(DamagedError):
            steps = read_log(folder.log, run="")["step"].tolist()
        if steps is None or steps[:last] != list(range(1, last + 1)):
            remedy = "these steps are lost; the weights and the study's tables are not"
            yield Fault(folder.log, "damaged", f"it lacks some of the run's {last} steps", remedy)


def _log(folder: RunFolder, table: Path) -> Iterator[Fault]:
    """Compare a run's log with the table made from it, which has its own checksums."""
    tabled = read_parquet(table).to_pandas()
    logged = None
    with suppress(DamagedError):
        logged = read_log(folder.log, run=str(tabled["run"].iloc[0]) if len(tabled) else "")
    if logged is None or not tabled.equals(logged):
        remedy = f"nothing is lost: {table.name} has all steps, and is kept"
        yield Fault(folder.log, "damaged", f"it is not what {table} was made of", remedy)


def _steps(manifest: Path, standing: Path) -> Iterator[Check]:
    try:
        steps = read_run(manifest).checkpoints
    except StudyError:  # already reported for the run
        return
    for step, sha256 in steps.items():
        folder = step_folder(manifest.parent, step)
        yield Check("checkpoints", partial(_checkpoint, folder, sha256, standing))


def _perturbed(made: Path, study: StudyFolder) -> Iterator[Check]:
    try:
        outcomes = read_perturbed(made)
    except (DamagedError, TypeError):
        return
    for outcome in outcomes:
        folder = perturbed_folder(study.perturbed, outcome.run, outcome.variant)
        if (manifest := folder / MANIFEST).is_file():
            yield Check("runs", partial(_run, manifest, None, made))
        yield from _of_outcome(outcome, folder, made)


def _of_outcome(outcome: Perturbed, folder: Path, made: Path) -> Iterator[Check]:
    if outcome.step is not None and outcome.weights_sha256 is not None:
        step = step_folder(folder, outcome.step)
        yield Check("checkpoints", partial(_checkpoint, step, outcome.weights_sha256, made))


def _checkpoint(folder: Path, sha256: str, standing: Path) -> Iterator[Fault]:
    """Check a checkpoint's manifest, and its files against the manifest."""
    again = _again(folder, standing)
    try:
        manifest = read_checkpoint(folder)
    except DamagedError as error:
        yield Fault(error.path, "damaged", error.fault.removeprefix("is damaged: "), again)
        return
    except StudyError:
        yield Fault(folder / MANIFEST, "missing", f"{standing} names its run", again)
        return
    if manifest.weights_sha256 != sha256:
        what = f"it has other weights than {standing} stands for"
        yield Fault(folder / MANIFEST, "damaged", what, again)
    yield from _files_of(folder, manifest, again)


def _files_of(folder: Path, manifest: CheckpointManifest, again: str) -> Iterator[Fault]:
    weights = folder / WEIGHTS
    if not weights.is_file():
        yield Fault(weights, "missing", "nothing new can be measured of it", again)
    elif sha256_of(weights) != manifest.weights_sha256:
        yield Fault(weights, "damaged", "its SHA-256 is not the one in its manifest", again)
    for name, sha256 in sorted({**manifest.tokenizer, CONFIG: manifest.config_sha256}.items()):
        if not sha256:  # earlier versions did not record it
            continue
        if not (folder / name).is_file():
            yield Fault(folder / name, "missing", "its manifest names it", again)
        elif sha256_of(folder / name) != sha256:
            what = "its SHA-256 is not the one in the manifest"
            yield Fault(folder / name, "damaged", what, again)


def _again(*doomed: Path) -> str:
    """Commands to make checkpoints again, which takes training."""
    return f"rm -r {' '.join(map(str, doomed))}, and run the workflow: it trains what is missing"
