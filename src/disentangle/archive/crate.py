"""A study and the provenance of its files, as RO-Crate metadata.

The profile is Provenance Run Crate 0.5 of Workflow Run RO-Crate (https://w3id.org/ro/wfrun), which
builds on RO-Crate 1.1. The workflow has a step for every rule, each step has its tool (the rule's
script), and every job is a `CreateAction` with the files it read and made. Identifiers are derived
from the content, and dates are those of the jobs, so the same study gives the same crate.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import requires, version
from typing import Any
from urllib.parse import quote

import yaml
from packaging.requirements import Requirement
from rocrate.model import ContextEntity
from rocrate.rocrate import ROCrate

from disentangle.archive.jobs import Job
from disentangle.archive.members import Member

METADATA = "ro-crate-metadata.json"
BASE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    WORKFLOW_CRATE: "Workflow RO-Crate",
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"

WORKFLOW = "Snakefile"
RUN, ORGANIZED = "#run", "#organized"
CONFIG, TABLES = "#parameter/config", "#parameter/tables"
FIGURES, REPORT = "#parameter/figures", "#parameter/report"

MEDIA = {
    "bin": "application/octet-stream",
    "html": "text/html",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "log": "text/plain",
    "md": "text/markdown",
    "npy": "application/octet-stream",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "py": "text/x-python",
    "safetensors": "application/octet-stream",
    "svg": "image/svg+xml",
    "yaml": "application/yaml",
}
"""Media types by file extension."""


@dataclass(frozen=True)
class Described:
    """What a crate says about a study, beside its files and jobs."""

    study: str
    commit: str
    changes: list[str]
    config_files: list[str]
    """Paths in the archive; later files override earlier ones."""
    left_out: Mapping[str, Mapping[str, Any]]
    """Files that the archive lists only by SHA-256 and size."""
    citation: str
    """Text of the workflow's CITATION.cff."""


def crate_metadata(about: Described, members: Iterable[Member], jobs: list[Job]) -> bytes:
    """Write the metadata of an archive.

    Args:
        about: the study.
        members: all files of the archive but the metadata itself.
        jobs: all jobs that made the study.

    Returns:
        `ro-crate-metadata.json`, sorted.
    """
    crate = _Crate(about, {member.name: member for member in members}, jobs)
    metadata = crate.build()
    metadata["@graph"].sort(key=lambda entity: entity["@id"])
    return (json.dumps(metadata, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _refer(ids: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": one} for one in sorted(set(ids))]


def _file(name: str) -> str:
    """A file's name as the identifier of its entity."""
    return quote(name)


def _single(value: Any) -> Any:
    """JSON-LD writes a list of one element as the element itself."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def runs_studies(one: Requirement) -> bool:
    """Whether a requirement is needed to run a study: the library's own, or one of its extras'."""
    extras = ("", "train", "workflow")
    return one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)


def _software(name: str) -> str:
    """A Python package as the identifier of its entity."""
    return f"#software/{name}"


class _Crate:
    """Builds a crate."""

    def __init__(self, about: Described, members: dict[str, Member], jobs: list[Job]) -> None:
        self._about, self._members, self._jobs = about, members, jobs
        self._crate = ROCrate(version="1.1")
        self._crate.metadata.extra_contexts.append(TERMS)
        self._citation = yaml.safe_load(about.citation)
        self._agents = [self._author(author) for author in self._citation["authors"]]
        self._cached = self._cache_folders()

    def build(self) -> dict[str, Any]:
        self._describe_root()
        self._add_software()
        self._add_workflow()
        self._add_files()
        for identifier, machine in {job.machine_id: job.machine for job in self._jobs}.items():
            self._add(
                f"#machine/{identifier}",
                "PropertyValue",
                name="machine class",
                value=json.dumps(machine, sort_keys=True),
            )
        for job in self._jobs:
            self._add_action(job)
        self._add_whole_run()
        generated: dict[str, Any] = self._crate.metadata.generate()
        return generated

    def _add(self, identifier: str, kind: str | list[str], /, **properties: Any) -> str:
        given = {key: _single(value) for key, value in properties.items()}
        given = {key: value for key, value in given.items() if value not in (None, [], "")}
        self._crate.add(ContextEntity(self._crate, identifier, properties={"@type": kind} | given))
        return identifier

    def _author(self, author: Mapping[str, str]) -> str:
        name = author.get("name")
        if name is None:
            name = f"{author.get('given-names', '')} {author.get('family-names', '')}".strip()
            return self._add(author.get("orcid", f"#{quote(name)}"), "Person", name=name)
        return self._add(author.get("website", f"#{quote(name)}"), "Organization", name=name)

    def _describe_root(self) -> None:
        about, root = self._about, self._crate.root_dataset
        licence = f"https://spdx.org/licenses/{self._citation['license']}"
        self._add(licence, "CreativeWork", name=self._citation["license"])
        for profile, name in PROFILES.items():
            self._add(profile, "CreativeWork", name=name, version=profile.rsplit("/", 1)[1])
        state = f"commit {about.commit}"
        if about.changes:
            state += f", with uncommitted changes of: {', '.join(about.changes)}"
        root["name"] = f"{self._citation['title']}: study {about.study}"
        root["description"] = (
            f"The study {about.study}: configuration, results, provenance of every job, and the "
            f"workflow that made it ({state}). README-archive.md says how to check it and run it "
            "again. Text and models from elsewhere keep their own licences."
        )
        root["datePublished"] = max(job.ended for job in self._jobs)
        root["license"] = {"@id": licence}
        root["author"] = _single(_refer(self._agents))
        root["conformsTo"] = _refer(PROFILES)
        self._crate.metadata["conformsTo"] = _refer([BASE, WORKFLOW_CRATE])
        root["mainEntity"] = {"@id": WORKFLOW}
        root["mentions"] = _refer(
            [RUN, ORGANIZED, *(job.id for job in self._jobs), *self._left_out()]
        )
        root["hasPart"] = _refer(map(_file, [*self._members, *self._cached]))

    def _left_out(self) -> list[str]:
        return [f"#left-out/{_file(name)}" for name in self._about.left_out]

    def _add_software(self) -> None:
        names = [Requirement(one) for one in requires("disentangle") or ()]
        self._packages = sorted({one.name for one in names if runs_studies(one)})
        for name in self._packages:
            self._add(
                _software(name),
                "SoftwareApplication",
                name=name,
                softwareVersion=version(name),
                identifier=f"pkg:pypi/{name}@{version(name)}",  # a package URL, as of ECMA-427
            )
        self._add(
            "#language/snakemake",
            "ComputerLanguage",
            name="Snakemake",
            alternateName="SnakeMake",
            identifier={"@id": "https://doi.org/10.1093/bioinformatics/bts480"},
            url={"@id": "https://snakemake.readthedocs.io"},
            version=version("snakemake"),
        )

    def _add_workflow(self) -> None:
        rules = {job.rule: job.script for job in self._jobs}
        for position, (rule, script) in enumerate(sorted(rules.items()), start=1):
            self._add(
                f"#step/{rule}",
                "HowToStep",
                name=rule,
                position=str(position),
                workExample={"@id": script},
            )
        for parameter, name, kind in (
            (CONFIG, "config", "File"),
            (TABLES, "tables", "File"),
            (FIGURES, "figures", "File"),
            (REPORT, "report", "File"),
        ):
            self._add(
                parameter,
                "FormalParameter",
                name=name,
                additionalType=kind,
                multipleValues="False" if parameter == REPORT else "True",
                conformsTo={"@id": PARAMETER},
            )
        self._add(PARAMETER, "CreativeWork", name="FormalParameter", version="1.0-RELEASE")
        self._add(
            WORKFLOW_PROFILE, "CreativeWork", name="ComputationalWorkflow", version="1.0-RELEASE"
        )
        self._steps = [f"#step/{rule}" for rule in rules]
        self._tools = set(rules.values())

    def _parameter_of(self, name: str) -> str | None:
        folder = f"results/{self._about.study}"
        if name in self._about.config_files:
            return CONFIG
        if name == f"{folder}/report.html":
            return REPORT
        for parameter in (TABLES, FIGURES):
            if name.startswith(f"{folder}/{parameter.rsplit('/', 1)[1]}/"):
                return parameter
        return None

    def _add_files(self) -> None:
        for name, member in self._members.items():
            properties: dict[str, Any] = {
                "name": name,
                "sha256": member.sha256,
                "contentSize": str(member.size),
                "encodingFormat": MEDIA.get(name.rsplit(".", 1)[-1], "text/plain"),
            }
            kind: str | list[str] = "File"
            if parameter := self._parameter_of(name):
                properties["exampleOfWork"] = {"@id": parameter}
            if name == WORKFLOW:
                kind = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
                properties |= self._as_workflow()
            elif name in self._tools:
                kind = ["File", "SoftwareSourceCode"]
                properties["version"] = self._about.commit
            elif name == "README.md":
                properties["about"] = {"@id": "./"}
            self._add(_file(name), kind, **properties)
        for name, left_out in self._about.left_out.items():
            self._add(
                f"#left-out/{_file(name)}",
                "CreativeWork",
                name=name,
                description="Not in this archive; listed by its hash.",
                sha256=left_out["sha256"],
                contentSize=str(left_out["size"]),
            )
        for folder, entries in self._cached.items():
            self._add(
                _file(folder),
                "Dataset",
                name=folder,
                description="Finished measurements, each named by the hash of what it depends on.",
                hasPart=_refer(map(_file, entries)),
            )

    def _as_workflow(self) -> dict[str, Any]:
        about = self._about
        return {
            "name": self._citation["title"],
            "description": " ".join(self._citation["abstract"].split()),
            "author": _refer(self._agents),
            "license": {"@id": f"https://spdx.org/licenses/{self._citation['license']}"},
            "version": about.commit,
            "conformsTo": {"@id": WORKFLOW_PROFILE},
            "programmingLanguage": {"@id": "#language/snakemake"},
            "softwareRequirements": _refer(map(_software, self._packages)),
            "input": _refer([CONFIG]),
            "output": _refer([TABLES, FIGURES, REPORT]),
            "step": _refer(self._steps),
            "hasPart": _refer(self._tools),
        }

    def _cache_folders(self) -> dict[str, list[str]]:
        """Cache entries by kind of measurement; the jobs of a rule share them."""
        start = f"results/{self._about.study}/cache/"
        found: dict[str, list[str]] = {}
        for name in self._members:
            if name.startswith(start):
                kind = name.removeprefix(start).split("/")[0]
                found.setdefault(f"{start}{kind}/", []).append(name)
        return found

    def _known(self, names: Iterable[str]) -> list[dict[str, str]]:
        """Entities of files and folders, whether in the archive or left out."""
        found = []
        for name in names:
            if name in self._members or name in self._cached:
                found.append(_file(name))
            elif name in self._about.left_out:
                found.append(f"#left-out/{_file(name)}")
        return _refer(found)

    def _add_action(self, job: Job) -> None:
        values = self._add(
            f"{job.id}/params",
            "PropertyValue",
            name="params",
            value=job.params_sha256,
            description="SHA-256 of the job's parameters, which are in its record.",
        )
        self._add(
            job.id,
            "CreateAction",
            name=job.title,
            description=f"A job of the rule {job.rule}.",
            instrument={"@id": job.script},
            agent=_refer(self._agents),
            startTime=job.began,
            endTime=job.ended,
            actionStatus=COMPLETED if job.status == 0 else FAILED,
            error=None if job.status == 0 else f"exit status {job.status}",
            object=[
                *self._known(job.reads),
                {"@id": values},
                {"@id": f"#machine/{job.machine_id}"},
            ],
            result=self._known(job.makes),
            subjectOf=self._known(job.tells),
        )

    def _add_whole_run(self) -> None:
        began, ended = min(job.began for job in self._jobs), max(job.ended for job in self._jobs)
        results = [name for name in self._members if self._parameter_of(name) not in (None, CONFIG)]
        failed = any(job.status for job in self._jobs)
        self._add(
            RUN,
            "CreateAction",
            name=f"Run of the study {self._about.study}",
            description="From the study's files to its tables, figures and report.",
            instrument={"@id": WORKFLOW},
            agent=_refer(self._agents),
            startTime=began,
            endTime=ended,
            actionStatus=FAILED if failed else COMPLETED,
            object=_refer(map(_file, self._about.config_files)),
            result=_refer(map(_file, results)),
        )
        controls = []
        for step in self._steps:
            rule = step.removeprefix("#step/")
            jobs = [job.id for job in self._jobs if job.rule == rule]
            controls.append(
                self._add(
                    f"#control/{rule}",
                    "ControlAction",
                    name=f"Jobs of the rule {rule}",
                    instrument={"@id": step},
                    object=_refer(jobs),
                )
            )
        self._add(
            ORGANIZED,
            "OrganizeAction",
            name="Run of Snakemake",
            agent=_refer(self._agents),
            instrument={"@id": _software("snakemake")},
            object=_refer(controls),
            result={"@id": RUN},
            startTime=began,
            endTime=ended,
        )
