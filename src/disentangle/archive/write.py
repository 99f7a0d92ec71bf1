"""Write a study's archive."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from disentangle.archive.code import Code, read_code
from disentangle.archive.contents import contents
from disentangle.archive.crate import METADATA, Described, crate_metadata
from disentangle.archive.jobs import Job, find_jobs, made_by
from disentangle.archive.members import Member
from disentangle.archive.privacy import STARTS, cleaned, hosts_of, refuse_named_folders
from disentangle.archive.readme import readme
from disentangle.archive.runs import run_facts
from disentangle.archive.zipped import write_zip
from disentangle.audit.audit import audit
from disentangle.errors import StudyError, listed
from disentangle.job import Say
from disentangle.storage import replacing, sha256_of
from disentangle.study.config import StudyConfig
from disentangle.study.file import read_study
from disentangle.study.settings import plain

FACTS = "archive.json"
"""An archive's facts about itself, used to check it and to run it again."""

VERIFY = "verify.py"
README = "README-archive.md"

CLEANED = (".log", ".record.json", STARTS)
"""Endings of files from which the machine's name is removed."""


@dataclass(frozen=True)
class Request:
    """What is to be archived."""

    study: StudyConfig
    root: Path
    """The workflow's folder."""
    folder: Path
    """The study's results, relative to where the workflow runs."""
    config_files: list[Path]
    """Relative to where the workflow runs; later files override earlier ones."""
    scripts: Mapping[str, str]
    """Rule to its script, relative to the workflow's folder."""
    results: list[str]
    """Files that a finished study has."""
    allow_uncommitted: bool


def write_archive(request: Request, path: Path, say: Say) -> None:
    """Write the archive of a finished study, and a file with its SHA-256 for `sha256sum -c`.

    The same study gives the same bytes.

    Raises:
        StudyError: if the workflow differs from its commit, the study is unfinished or was changed
            on the command line, its paths are absolute, or results name this machine.
    """
    study = request.study
    refuse_absolute_paths(study)
    refuse_other_settings(study, request.config_files)
    config = _config_names(request.config_files)
    brought = files_of(study)
    code = read_code(request.root, [*config, *brought], allow_uncommitted=request.allow_uncommitted)
    _refuse_damage(request.folder)
    jobs = find_jobs(request.folder, request.scripts)
    _refuse_unrecorded(request, jobs)
    included, by_hash, strangers = _results(request, jobs)
    data = {name: Path(source) for name, source in config.items()}
    data |= {name: Path(name) for name in brought}
    as_they_are = {name: Path(name) for name in included if not name.endswith(CLEANED)} | data
    refuse_named_folders(as_they_are.items())
    date = datetime.fromisoformat(max(job.ended for job in jobs))
    left_out = {
        name: {"sha256": sha256_of(Path(name)), "size": Path(name).stat().st_size}
        for name in by_hash
    }
    sources: dict[str, Path | bytes] = {
        **code.files,
        **as_they_are,
        **_without_names(request.folder, included),
        VERIFY: Path(__file__).with_name(VERIFY).read_bytes(),
    }
    facts = _facts(request, code, list(config), left_out)
    sources[FACTS] = (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode()
    sources[README] = readme(facts).encode()
    members = [Member.of(name, source) for name, source in sources.items()]
    about = Described(
        study=study.study,
        commit=code.commit,
        changes=code.changes,
        config_files=list(config),
        left_out=left_out,
        citation=code.files["CITATION.cff"].decode(),
    )
    members.append(Member.of(METADATA, crate_metadata(about, members, jobs)))
    write_zip(path, members, date)
    with replacing(checksum_of(path)) as temporary:
        temporary.write_text(f"{sha256_of(path)}  {path.name}\n")
    _say_what_came_of_it(path, members, by_hash, strangers, code, say)


def checksum_of(path: Path) -> Path:
    """The file beside an archive that contains its SHA-256."""
    return path.with_name(path.name + ".sha256")


def _without_names(folder: Path, included: Iterable[str]) -> dict[str, bytes]:
    """Logs and records of jobs, without names of users and machines."""
    hosts = hosts_of(folder)
    paths = {name: Path(name) for name in included if name.endswith(CLEANED)}
    return {name: cleaned(path.read_bytes(), hosts) for name, path in paths.items()}


def files_of(study: StudyConfig) -> list[str]:
    """Files named in a study file that are part of the study."""
    table = [study.observations.file] if study.observations else []
    metrics = {spelled.rpartition(":")[0] for spelled in study.geometry.metrics}
    return [*table, *sorted(metrics)]


def _facts(
    request: Request, code: Code, config: list[str], left_out: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "study": request.study.study,
        "config_files": config,
        "commit": code.commit,
        "uncommitted": code.changes,
        "weights": request.study.archive.weights,
        "corpus": request.study.archive.corpus,
        "left_out": left_out,
        "runs": run_facts(request.folder),
    }


def refuse_absolute_paths(study: StudyConfig) -> None:
    """Refuse a study file with paths that are valid only on this machine.

    Raises:
        StudyError: with each such key.
    """
    given = {f"checkpoints.{name}.source": one.source for name, one in study.checkpoints.items()}
    given |= {
        f"checkpoints.{name}.tokenizer": one.tokenizer
        for name, one in study.checkpoints.items()
        if one.tokenizer
    }
    if study.observations:
        given["observations.file"] = study.observations.file
    else:
        given |= {f"corpus.train[{i}]": source for i, source in enumerate(study.corpus.train)}
        given |= {
            f"corpus.heldout.{domain}.source": heldout.source
            for domain, heldout in study.corpus.heldout.items()
        }
    found = [
        f"{key}: {value}"
        for key, value in given.items()
        if value.split(":", 1)[-1].startswith(("/", "~")) or Path(value).is_absolute()
    ]
    if study.observations and ".." in Path(study.observations.file).parts:
        found.append(f"observations.file: {study.observations.file} is outside of this folder")
    if found:
        raise StudyError(
            "The study contains paths that are valid only on this machine:\n"
            + listed(found)
            + "\nPut these files or links to them into this folder (ln -s /data/text data/text),\n"
            "use relative paths, and archive again."
        )


def refuse_other_settings(study: StudyConfig, config_files: list[Path]) -> None:
    """Refuse a study whose settings come partly from the command line.

    Raises:
        StudyError: if they do.
    """
    base, *overlays = config_files
    if plain(read_study(overlays, base)) != plain(study):
        raise StudyError(
            "The study differs from its files: --config changed a setting.\n"
            "Write the setting into the study file, and archive again."
        )


def _config_names(config_files: list[Path]) -> dict[str, str]:
    """Study files by their names in the archive, in order."""
    names: dict[str, str] = {}
    for path in config_files:
        inside = not path.is_absolute() and ".." not in path.parts
        outside = "study.yaml" if "study.yaml" not in names else f"study-{len(names)}.yaml"
        names[path.as_posix() if inside else outside] = str(path)
    return names


def _refuse_unrecorded(request: Request, jobs: list[Job]) -> None:
    made, folders = made_by(jobs)
    known = (*folders, f"{request.folder.as_posix()}/specs/")
    start = f"{request.folder.as_posix()}/"
    needed = {*request.results, *(name for job in jobs for name in job.reads)}
    unknown = sorted(
        name
        for name in needed
        if name.startswith(start) and name not in made and not name.startswith(known)
    )
    if unknown:
        raise StudyError(
            "These files have no known origin, since their jobs left no record:\n"
            f"{listed(unknown)}\n"
            "They were made by an earlier version, or their logs were deleted. Run their rules\n"
            "again with --forcerun RULE: finished training and measurements are kept."
        )


def _refuse_damage(folder: Path) -> None:
    """Refuse a study with damaged files."""
    faults = [str(fault) for fault in audit(folder).faults if fault.kind == "damaged"]
    if faults:
        raise StudyError(
            f"Files of the study are damaged, or were changed by hand:\n{listed(faults)}\n"
            "Repair them, and archive again."
        )


def _results(request: Request, jobs: list[Job]) -> tuple[list[str], list[str], int]:
    """Results to include, results listed by hash, and how many files no job made."""
    found = contents(request.folder, request.study.archive)
    made, folders = made_by(jobs)
    start = f"{request.folder.as_posix()}/"
    told = {name for job in jobs for name in job.tells}
    known = (*folders, f"{start}specs/")

    def ours(names: Iterable[str]) -> list[str]:
        paths = (start + name for name in names)
        return [p for p in paths if p in made or p in told or p.startswith(known)]

    included, by_hash = ours(found.included), ours(found.by_hash)
    all_found = len(found.included) + len(found.by_hash)
    return included, by_hash, all_found - len(included) - len(by_hash)


def _say_what_came_of_it(
    path: Path, members: list[Member], by_hash: list[str], strangers: int, code: Code, say: Say
) -> None:
    sha256 = checksum_of(path).read_text().split()[0]
    megabytes = path.stat().st_size / 1e6
    state = f"commit {code.commit[:12]}"
    if code.changes:
        state += f" and {len(code.changes)} uncommitted files"
    say(
        f"{path}: {len(members)} files, {megabytes:.1f} MB, of {state}; "
        f"{len(by_hash)} more listed by hash.\nSHA-256 {sha256}, "
        f"also in {checksum_of(path)}"
    )
    if strangers:
        say(f"{strangers} files in the study's folder were made by no job and are not archived")
