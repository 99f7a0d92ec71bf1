"""Random tampering with an archive, checked with Python alone; some of it by making all again."""

import hashlib
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fault_trials.damage import WAYS
from fault_trials.trial import Trial
from fault_trials.workbench import ARCHIVE, BIN, ROOT, environment, finished

METADATA = "ro-crate-metadata.json"
Files = dict[str, bytes]

FOLLOWS = ("tables/", "geometry/", "evaluation/", "figures/", "report.html")
"""Results that `snakemake verify` makes again, in the study's folder."""

RECOMPUTED = 10
"""Every so many trials one is of a forger who puts all hashes right: everything is made again."""


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Tamper with the archive of the finished study in one way."""
    study = finished(folder / "finished")
    with zipfile.ZipFile(study / ARCHIVE) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    path = folder / "tampered.zip"
    for i in range(count):
        if i % RECOMPUTED == RECOMPUTED - 1:
            yield _forged(files, chance, path, study)
            continue
        how = chance.choice([_of_the_file, _of_a_member, _of_names, _of_the_description])
        fault, content = how(dict(files), chance, (study / ARCHIVE).read_bytes(), path)
        path.write_bytes(content)
        yield _judged(path, fault)


def _of_the_file(files: Files, chance: random.Random, archive: bytes, path: Path) -> Any:
    way = chance.choice(sorted([*WAYS, "bytes behind", "bytes before"]))
    if way == "bytes behind":
        return way, archive + chance.randbytes(9)
    if way == "bytes before":
        return way, chance.randbytes(9) + archive
    return f"{way} the archive", WAYS[way](archive, chance)


def _of_a_member(files: Files, chance: random.Random, archive: bytes, path: Path) -> Any:
    name = chance.choice(sorted(name for name, data in files.items() if data))
    way = chance.choice(["a bit flipped in", "cut short:", "emptied:"])
    files[name] = WAYS[way](files[name], chance)
    return f"{way} {name}", _zipped(files, path)


def _of_names(files: Files, chance: random.Random, archive: bytes, path: Path) -> Any:
    name = chance.choice(sorted(files))
    other = chance.choice(
        ["../x", "/etc/x", name.upper() + "/x", f"{name}.more", "a\\b", "results"]
    )
    content = files.pop(name)
    if chance.random() < 0.5:
        files[other] = content
    return f"{name}: missing, or called {other}", _zipped(files, path)


def _of_the_description(files: Files, chance: random.Random, archive: bytes, path: Path) -> Any:
    """A value replaced anywhere in the metadata, a record or archive.json, hashes put right."""
    names = [name for name in files if name.endswith(".record.json")]
    name = chance.choice([METADATA, "archive.json", *names])
    data = json.loads(files[name])
    where = _replace_anywhere(data, chance)
    files[name] = json.dumps(data).encode()
    return f"{name}: {where} replaced", _zipped(
        files if name == METADATA else _rehashed(files), path
    )


def _replace_anywhere(data: Any, chance: random.Random) -> str:
    where = []
    while True:
        keys = list(data) if isinstance(data, dict) else list(range(len(data)))
        key = chance.choice(keys)
        where.append(str(key))
        inner = data[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.2:
            data[key] = chance.choice([5, None, [], {}, "x", "9" * 5000, [[1]], True])
            return ".".join(where)
        data = inner


def _rehashed(files: Files) -> Files:
    metadata = json.loads(files[METADATA])
    for entity in metadata["@graph"]:
        if entity["@id"] in files and "sha256" in entity:
            data = files[entity["@id"]]
            entity["sha256"] = hashlib.sha256(data).hexdigest()
            entity["contentSize"] = str(len(data))
    return files | {METADATA: json.dumps(metadata).encode()}


def _zipped(files: Files, path: Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path.read_bytes()


def _judged(path: Path, fault: str) -> Trial:
    command = [
        sys.executable,
        "-I",
        "-S",
        str(ROOT / "src/disentangle/archive/verify.py"),
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env={})
    said = done.stdout + done.stderr
    if "Traceback" in said:
        return Trial(fault, False, "lost", said[-1500:])
    noticed = done.returncode == 1
    # words of the description that nothing follows from: a name, a date, a parameter's spelling
    free = ": " in fault and " replaced" in fault
    return Trial(fault, noticed, "refused" if noticed else "harmless" if free else "lost", said)


def _forged(files: Files, chance: random.Random, path: Path, study: Path) -> Trial:
    """A result changed together with every hash of it."""
    start = "results/tiny/"
    name = chance.choice(
        sorted(n for n in files if n.startswith(tuple(start + rest for rest in FOLLOWS)))
    )
    forged = dict(files)
    forged[name] = WAYS["a bit flipped in"](forged[name], chance)
    for record in [n for n in forged if n.endswith(".record.json")]:
        content = json.loads(forged[record])
        if name in content["sha256"]:
            content["sha256"][name] = hashlib.sha256(forged[name]).hexdigest()
            forged[record] = json.dumps(content).encode()
    _zipped(_rehashed(forged), path)
    command = [str(BIN / "snakemake"), "verify", "--nolock", "--cores", "2", "--quiet", "rules"]
    done = subprocess.run(
        [*command, "--config", f"archive={path}"],
        cwd=study,
        capture_output=True,
        text=True,
        env=environment(study),
    )
    noticed = done.returncode != 0 and name in done.stderr
    said = done.stderr[-1500:]
    return Trial(f"{name} forged with its hashes", noticed, "refused" if noticed else "lost", said)
