"""What a folder of `published/` says of itself: its archive, its commit, the hash of every file."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from disentangle.errors import StudyError, counted, listed
from disentangle.storage import read_json, sha256_of, write_json
from disentangle.study.sections.section import Name

FACTS = "published.json"

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileFacts(BaseModel):
    """A file by its size and content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: Hash

    @classmethod
    def of(cls, path: Path) -> "FileFacts":
        """Those of a file that is there."""
        return cls(bytes=path.stat().st_size, sha256=sha256_of(path))


class Facts(BaseModel):
    """What `published.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: Name
    study_files: list[str]
    """Of the workflow's folder; later ones override earlier ones."""
    commit: str
    """Of the workflow when the archive was written."""
    archive: FileFacts
    files: dict[str, FileFacts]
    """Files of the study's results that are published, by path."""
    left_out: dict[str, FileFacts]
    """Tables that are in the archive alone."""


def write_facts(folder: Path, facts: Facts) -> None:
    """Write `published.json`."""
    write_json(folder / FACTS, facts.model_dump(mode="json"))


def read_facts(folder: Path) -> Facts:
    """Read `published.json`, and check every file beside it.

    Raises:
        StudyError: if it is not there or no such file, or a file is missing, extra or changed.
    """
    path = folder / FACTS
    if not path.is_file():
        raise StudyError(f"{path} does not exist: `make published ARCHIVE=...` writes it.")
    try:
        facts = Facts.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise StudyError(f"{path} is damaged: {at}: {first['msg']}") from None
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    there = files - {FACTS}
    faults = [f"{name}: missing" for name in sorted(facts.files.keys() - there)]
    faults += [f"{name}: not named in {FACTS}" for name in sorted(there - facts.files.keys())]
    faults += [
        f"{name}: changed; its SHA-256 differs"
        for name in sorted(there & facts.files.keys())
        if sha256_of(folder / name) != facts.files[name].sha256
    ]
    if faults:
        raise StudyError(
            f"{folder} has {counted(faults)}:\n{listed(faults)}\n"
            f"Take it from the repository again: git checkout -- {folder}"
        )
    return facts
