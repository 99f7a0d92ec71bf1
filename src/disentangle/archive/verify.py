"""Check an archive of a study with Python alone.

    python verify.py [ARCHIVE]

ARCHIVE is a .crate.zip or the folder that one was unpacked in; by default the folder of this file.
The check covers:
- the names and sizes of all files, before anything is read;
- the SHA-256 of every file against `ro-crate-metadata.json`, with no file missing or undescribed;
- the description: all references resolve, every result has the job that made it, and every job has
  its program.
Each fault is printed as a line; the exit status is 0 if there is none.

This cannot detect that somebody changed both a file and its description. To detect that, let the
workflow recompute the tables: `snakemake verify --cores 2 --config archive=FILE`.
"""

import hashlib
import json
import re
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote

METADATA = "ro-crate-metadata.json"
FACTS = "archive.json"

LARGEST_METADATA = 256 << 20
"""Bytes. A study of a hundred models, with all measurements and figures, needs a few million."""

RATIO = 200
"""A file of more than `SMALL` bytes is a zip bomb if it is more than this many times as large as
its zip entry. Our most repetitive files shrink to a thirtieth."""

SMALL = 1 << 20
PIECE = 1 << 20
DEEPEST = 64
"""Most nested folders."""

OF_THE_WORK = (".venv/", ".snakemake/", ".git/")
"""Folders that work in an unpacked archive creates, beside byte code; not part of the archive."""

UNATTRIBUTED = ("logs/", "specs/")
"""Folders of the results with files about jobs; no job makes them."""

SHOWN = 40


class UnusableError(Exception):
    """The archive cannot be read any further."""


class Source:
    """The files of an archive by name, with their sizes; opened one at a time."""

    def __init__(self, files: dict[str, int], opener: Callable[[str], IO[bytes]]) -> None:
        self.files = files
        self._open = opener

    def pieces(self, name: str, limit: int) -> Iterator[bytes]:
        """A file's bytes in pieces; raises an error once there are more than `limit`."""
        read = 0
        with self._open(name) as file:
            while piece := file.read(PIECE):
                read += len(piece)
                if read > limit:
                    raise UnusableError(f"{name}: has more than the expected {limit} bytes")
                yield piece

    def read(self, name: str, limit: int) -> bytes:
        """A whole file of at most `limit` bytes."""
        return b"".join(self.pieces(name, limit))


def faults_of_names(names: list[str]) -> list[str]:
    """What is wrong with the names of an archive's files, on any operating system."""
    faults = []
    seen: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name):
            faults.append(f"{name!r}: not a relative name")
        elif any(part in ("", ".", "..") for part in parts):
            faults.append(f"{name!r}: leaves its folder, or is not a plain file name")
        elif any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
            faults.append(f"{name!r}: contains a control character")
        elif len(parts) > DEEPEST or len(name) > 1000:
            faults.append(f"{name[:80]!r}...: too deep or too long")
        folded = name.casefold()
        if folded in seen:
            faults.append(f"{name!r}: occurs twice, or differs from {seen[folded]!r} only in case")
        seen[folded] = name
    for name in names:
        folders = name.casefold().split("/")[:-1]
        for i in range(1, len(folders) + 1):
            if "/".join(folders[:i]) in seen:
                faults.append(f"{name!r}: is in a folder that is a file")
                break
    return faults


def faults_of_entries(entries: list[zipfile.ZipInfo]) -> list[str]:
    """What is wrong with a zip's entries, judged from its directory alone."""
    faults = faults_of_names([entry.filename for entry in entries])
    end = -1
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            faults.append(f"{entry.filename!r}: is a link or not a regular file")
        if entry.flag_bits & 1:
            faults.append(f"{entry.filename!r}: is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            faults.append(f"{entry.filename!r}: uses an unsupported compression method")
        if entry.file_size > SMALL and entry.file_size > RATIO * max(1, entry.compress_size):
            faults.append(
                f"{entry.filename!r}: {entry.file_size} bytes in {entry.compress_size}: a zip bomb"
            )
        if entry.header_offset < end:
            faults.append(f"{entry.filename!r}: overlaps with another file: a zip bomb")
        end = entry.header_offset + entry.compress_size
    return faults


def open_zip(archive: zipfile.ZipFile) -> tuple[Source, list[str]]:
    """The files of a zip, and what is wrong with its entries."""
    entries = archive.infolist()
    sizes = {entry.filename: entry.file_size for entry in entries}
    return Source(sizes, archive.open), faults_of_entries(entries)


def faults_of_gaps(archive: zipfile.ZipFile, file: IO[bytes]) -> list[str]:
    """Bytes of a zip that belong to no file: before, between or after the files."""
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    expected = 0
    for entry in entries:
        if entry.header_offset != expected:
            return [f"{entry.filename!r}: has bytes before it that belong to no file"]
        file.seek(expected)
        header = file.read(30)
        lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        if file.read(lengths)[: len(entry.filename.encode())] != entry.filename.encode():
            return [f"{entry.filename!r}: has a different name in its local header"]
        expected += 30 + lengths + entry.compress_size
        if entry.flag_bits & 8:  # a descriptor of unknown length follows
            return [f"{entry.filename!r}: has a data descriptor, which is not supported"]
    if archive.start_dir != expected:
        return ["the zip's directory: has bytes before it that belong to no file"]
    directory = sum(46 + len(e.filename.encode()) + len(e.extra) + len(e.comment) for e in entries)
    size = file.seek(0, 2)
    # the end of a zip takes 22 bytes, plus 76 if the zip is larger than 4 GB
    if size - expected - directory not in (22, 98) or archive.comment:
        return ["the zip's end: has bytes around it that belong to no file"]
    return []


def open_folder(folder: Path) -> tuple[Source, list[str]]:
    """The files of a folder that an archive was unpacked in."""
    sizes, faults = {}, []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(OF_THE_WORK) or "__pycache__" in name or ".egg-info/" in name:
            continue
        if path.is_symlink():
            faults.append(f"{name!r}: is a link")
        elif path.is_file():
            sizes[name] = path.stat().st_size
    source = Source(sizes, lambda name: (folder / name).open("rb"))
    return source, faults + faults_of_names(list(sizes))


def read_json(source: Source, name: str) -> Any:
    """A JSON file of an archive."""
    if name not in source.files:
        raise UnusableError(f"{name}: missing; this is not an archive of a study")
    if source.files[name] > LARGEST_METADATA:
        raise UnusableError(f"{name}: {source.files[name]} bytes, too large for any study")
    try:
        return json.loads(source.read(name, LARGEST_METADATA))
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"{name}: cannot be read: {error}") from None


def read_graph(source: Source) -> dict[str, dict[str, Any]]:
    """The entities that the metadata describe, by @id."""
    metadata = read_json(source, METADATA)
    graph = metadata.get("@graph") if isinstance(metadata, dict) else None
    if not isinstance(graph, list):
        raise UnusableError(f"{METADATA}: has no @graph")
    entities: dict[str, dict[str, Any]] = {}
    for entity in graph:
        if not isinstance(entity, dict) or not isinstance(entity.get("@id"), str):
            raise UnusableError(f"{METADATA}: contains an entity without an @id")
        if entity["@id"] in entities:
            raise UnusableError(f"{METADATA}: {entity['@id']} is described twice")
        entities[entity["@id"]] = entity
    return entities


def types_of(entity: dict[str, Any]) -> set[str]:
    """The types of an entity."""
    kind = entity.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return {one for one in kinds if isinstance(one, str)}


def refers(entity: dict[str, Any], *properties: str) -> list[str]:
    """The @ids that an entity refers to, in the given properties or in all."""
    found: list[str] = []
    values = [value for key, value in entity.items() if not properties or key in properties]
    while values:
        value = values.pop()
        if isinstance(value, list):
            values += value
        elif isinstance(value, dict):
            if isinstance(value.get("@id"), str):
                found.append(value["@id"])
            values += [inner for inner in value.values() if isinstance(inner, list | dict)]
    return found


def described_files(entities: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The files that the metadata describe, by name."""
    return {unquote(name): one for name, one in entities.items() if "File" in types_of(one)}


def faults_of_files(source: Source, described: dict[str, dict[str, Any]]) -> list[str]:
    """Files that are changed, missing or extra."""
    faults = [f"{name}: missing" for name in sorted(described.keys() - source.files.keys())]
    extra = source.files.keys() - described.keys() - {METADATA}
    faults += [f"{name}: extra; the archive does not describe it" for name in sorted(extra)]
    for name in sorted(described.keys() & source.files.keys()):
        entity = described[name]
        size, wanted = str(entity.get("contentSize", "")), entity.get("sha256")
        if not re.fullmatch(r"[0-9]{1,18}", size) or not isinstance(wanted, str):
            faults.append(f"{name}: is described without its size or its SHA-256")
        elif source.files[name] != int(size):
            faults.append(f"{name}: changed; {source.files[name]} bytes instead of {size}")
        elif _sha256(source, name, int(size)) != wanted:
            faults.append(f"{name}: changed; its SHA-256 differs")
    return faults


def _sha256(source: Source, name: str, size: int) -> str | None:
    hashed = hashlib.sha256()
    try:
        for piece in source.pieces(name, size):
            hashed.update(piece)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError):
        return None  # its checksum or its compressed data are broken
    except Exception as error:
        if type(error).__module__ != "zlib":
            raise
        return None
    return hashed.hexdigest()


def faults_of_graph(entities: dict[str, dict[str, Any]], study: str) -> list[str]:
    """What is wrong with an archive's description of itself."""
    faults = []
    for name, entity in entities.items():
        faults += [
            f"{name}: points to {other}, which is not described"
            for other in refers(entity)
            if other not in entities and not re.match(r"https?://", other)
        ]
    made: set[str] = set()
    tools = {"SoftwareApplication", "SoftwareSourceCode", "ComputationalWorkflow", "HowToStep"}
    for name, entity in entities.items():
        kinds = types_of(entity)
        if not kinds & {"CreateAction", "ControlAction", "OrganizeAction"}:
            continue
        instruments = refers(entity, "instrument")
        if len(instruments) != 1 or not tools & types_of(entities.get(instruments[0], {})):
            faults.append(f"{name}: an action without exactly one tool")
        if "CreateAction" in kinds and instruments != ["Snakefile"]:
            made.update(refers(entity, "result"))
    for name in sorted(made):
        if "Dataset" in types_of(entities.get(name, {})):
            made.update(refers(entities[name], "hasPart"))
    start = f"results/{study}/"
    for name, entity in sorted(described_files(entities).items()):
        rest = name.removeprefix(start)
        if rest != name and not rest.startswith(UNATTRIBUTED) and entity["@id"] not in made:
            faults.append(f"{name}: a result that no job made")
    return faults


def faults_of_records(source: Source, entities: dict[str, dict[str, Any]], study: str) -> list[str]:
    """Jobs whose records contradict the description or the files."""
    faults = []
    entities_of = described_files(entities)
    start, end = f"results/{study}/logs/", ".log.record.json"
    for name in sorted(source.files):
        if not (name.startswith(start) and name.endswith(end)):
            continue
        action = entities.get(f"#job/{quote(name.removeprefix(start).removesuffix(end))}")
        if action is None:
            faults.append(f"{name}: record of a job that is not described")
            continue
        results = {unquote(one).removeprefix("#left-out/") for one in refers(action, "result")}
        record = read_json(source, name)
        outputs = record.get("outputs") if isinstance(record, dict) else None
        hashes = record.get("sha256", {}) if isinstance(record, dict) else None
        if not isinstance(outputs, list) or not isinstance(hashes, dict):
            faults.append(f"{name}: is not a record of a job")
            continue
        faults += [
            f"{name}: says that the job made {shown(output)}, but {action['@id']} does not"
            for output in outputs
            if output not in results
        ]
        faults += [
            f"{shown(output)}: changed since its job made it, according to {name}"
            for output, sha256 in hashes.items()
            if output in entities_of and entities_of[output].get("sha256") != sha256
        ]
    return faults


def shown(name: Any) -> str:
    """A value from an archive, on one line of a message."""
    return repr(name)[:200]


def under(data: Any, key: str) -> dict[str, Any]:
    """The mapping under a key of a mapping, or an empty one."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def faults_of_facts(
    source: Source, entities: dict[str, dict[str, Any]], facts: dict[str, Any], study: str
) -> list[str]:
    """Where `archive.json` contradicts the rest of the archive."""
    faults = []
    version = entities.get("Snakefile", {}).get("version")
    if version is not None and facts.get("commit") != version:
        faults.append(
            f"{FACTS}: commit {shown(facts.get('commit'))} differs from that in {METADATA}"
        )
    described = {
        unquote(name.removeprefix("#left-out/")): entity.get("sha256")
        for name, entity in entities.items()
        if name.startswith("#left-out/")
    }
    left_out = under(facts, "left_out")
    named = {name: under(left_out, name).get("sha256") for name in left_out}
    faults += [
        f"{FACTS}: contradicts {METADATA} about {shown(name)}, which was left out"
        for name in sorted(named.keys() | described.keys())
        if named.get(name) != described.get(name)
    ]
    for run, said in sorted(under(facts, "runs").items()):
        manifest = f"results/{study}/checkpoints/{run}/manifest.json"
        if manifest not in source.files:
            faults.append(f"{FACTS}: names the run {shown(run)}, which has no manifest")
            continue
        steps = under(said, "checkpoints")
        weights = {step: under(steps, step).get("weights_sha256") for step in steps}
        made = read_json(source, manifest)
        if not isinstance(made, dict) or made.get("checkpoints") != weights:
            faults.append(f"{FACTS}: contradicts the manifest of the run {shown(run)}")
    return faults


def check(source: Source) -> list[str]:
    """All faults of an archive whose file names are sound."""
    entities = read_graph(source)
    described = described_files(entities)
    faults = faults_of_files(source, described)
    try:
        facts = read_json(source, FACTS)
    except UnusableError as fault:
        return faults or [str(fault)]  # a change to it is already among the faults
    study = facts.get("study") if isinstance(facts, dict) else None
    if not isinstance(study, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", study):
        return [*faults, f"{FACTS}: does not name the study"]
    faults += faults_of_graph(entities, study)
    if not faults:
        faults += faults_of_records(source, entities, study)
        faults += faults_of_facts(source, entities, facts, study)
    return faults


def faults_of(path: Path) -> list[str]:
    """All faults of an archive, given as a zip file or as the folder it was unpacked in."""
    try:
        if path.is_dir():
            source, faults = open_folder(path)
            return faults or check(source)
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            source, faults = open_zip(archive)
            faults = faults or faults_of_gaps(archive, file)
            return faults or check(source)
    except UnusableError as error:
        return [str(error)]
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        return [f"{path.name}: cannot be read: {error}"]


def told(faults: Iterable[str]) -> str:
    """Faults, one per line, at most a screenful."""
    found = list(faults)
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join(f"  {line}" for line in [*found[:SHOWN], *more])


def counted(faults: Sequence[str]) -> str:
    """How many faults there are."""
    return "one fault" if len(faults) == 1 else f"{len(faults)} faults"


def main() -> int:
    """Entry of the command; see the module."""
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    path = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent
    if faults := faults_of(path):
        print(f"{path}: {counted(faults)}:\n{told(faults)}")
        return 1
    print(f"{path}: every file matches its recorded hash, and every result has its job.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
