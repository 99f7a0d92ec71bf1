"""The jobs that made a study, read from their records, and the files that each made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from disentangle.archive.contents import OF_THE_RUN
from disentangle.checkpoint.references import perturbed_folder, read_perturbed
from disentangle.job_record import find_records, record_of
from disentangle.storage import digest, read_json
from disentangle.study.results_folder import KINDS, StudyFolder

CACHED = {
    "measure_geometry": "geometry",
    "compare_layers": "layers",
    "measure_matrices": "matrices",
    "measure_gradients": "gradients",
    "evaluate_checkpoints": "evaluation",
    "follow_tokens": "token_trends",
    "simulate": "calibration",
}
"""Rule to the folder of the cache that holds its finished measurements."""


@dataclass(frozen=True)
class Job:
    """One job, as the crate's action describes it. Paths are relative to the working directory."""

    rule: str
    name: str
    """Distinguishes the jobs of a rule; empty if there is only one."""
    script: str
    began: str
    ended: str
    status: int
    machine: dict[str, Any]
    params_sha256: str
    reads: list[str]
    makes: list[str]
    """Files, and cache folders, whose names end with a slash."""
    tells: list[str]
    """Its log and its record."""

    @property
    def id(self) -> str:
        """Its identifier in the crate."""
        return "#job/" + quote(f"{self.rule}/{self.name}" if self.name else self.rule)

    @property
    def title(self) -> str:
        """Its name for readers."""
        return f"{self.rule} {self.name}".strip()

    @property
    def machine_id(self) -> str:
        """Identifies the class of machine."""
        return digest(self.machine)[:16]


def find_jobs(folder: Path, scripts: Mapping[str, str]) -> list[Job]:
    """All recorded jobs of the rules that the workflow has, by rule and name.

    Args:
        folder: the study's results, relative to where the workflow runs.
        scripts: rule to its script's path in the archive.
    """
    found = []
    study = StudyFolder(folder)
    for (rule, name), record in find_records(study.logs).items():
        if rule in OF_THE_RUN or rule not in scripts:
            continue
        log = study.log(rule, name)
        found.append(
            Job(
                rule=rule,
                name=name,
                script=scripts[rule],
                began=record["began"],
                ended=record["ended"],
                status=record["status"],
                machine=record["machine"],
                params_sha256=digest(record["params"]),
                reads=record["inputs"],
                makes=sorted({*record["outputs"], *_undeclared(record, study)}),
                tells=[log.as_posix(), record_of(log).as_posix()],
            )
        )
    return found


def _undeclared(record: Mapping[str, Any], study: StudyFolder) -> Iterator[str]:
    """What a job makes beside its declared outputs: checkpoints and cache entries."""
    if record["rule"] in CACHED:
        yield f"{study.cache(CACHED[record['rule']]).as_posix()}/"
    for output in map(Path, record["outputs"]):
        if not output.is_file():
            continue
        if output.parent == study.trained().parent:
            for run in read_json(output):
                yield from _files(study.checkpoints / run)
        if output.parent in {study.perturbation(kind).parent for kind in KINDS}:
            for one in read_perturbed(output):
                yield from _files(perturbed_folder(study.perturbed, one.run, one.variant))


def _files(folder: Path) -> Iterator[str]:
    return (path.as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def made_by(jobs: Iterable[Job]) -> tuple[set[str], tuple[str, ...]]:
    """The files that jobs made, and the cache folders that they filled."""
    names = {name for job in jobs for name in job.makes}
    return names, tuple(sorted(name for name in names if name.endswith("/")))
