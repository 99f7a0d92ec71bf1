"""A small archive, whole, and what a hand can do to it."""

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILES = {
    "Snakefile": b"rule all:\n",
    "workflow/scripts/collect.py": b"print()\n",
    "archive.json": b'{"study": "s"}\n',
    "results/s/tables/scores.parquet": b"PAR1 some rows PAR1",
    "results/s/specs/collect/a.json": b"{}",
    "results/s/logs/collect.log": b"done\n",
    "results/s/logs/collect.log.record.json": json.dumps(
        {
            **{"rule": "collect", "code": "ab", "params": {}, "status": 0, "machine": {}},
            **{"wall_seconds": 1.0, "cpu_seconds": 1.0, "max_rss_mb": 1.0},
            "inputs": [],
            "outputs": ["results/s/tables/scores.parquet"],
        }
    ).encode(),
}
TABLE = "results/s/tables/scores.parquet"


def file_entity(name: str, data: bytes) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "File",
        "contentSize": str(len(data)),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def graph(files: dict[str, bytes] = FILES) -> list[dict[str, Any]]:
    entities = [file_entity(name, data) for name, data in files.items()]
    for entity in entities:
        if entity["@id"] == "workflow/scripts/collect.py":
            entity["@type"] = ["File", "SoftwareSourceCode"]
        if entity["@id"] == "Snakefile":
            entity["@type"] = ["File", "ComputationalWorkflow"]
    return [
        *entities,
        {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": name} for name in files]},
        {
            "@id": "#job/collect",
            "@type": "CreateAction",
            "instrument": {"@id": "workflow/scripts/collect.py"},
            "result": {"@id": TABLE},
        },
    ]


def metadata(entities: list[dict[str, Any]]) -> bytes:
    return json.dumps(
        {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": entities}
    ).encode()


def write(
    path: Path,
    files: dict[str, bytes] = FILES,
    entities: list[dict[str, Any]] | None = None,
    change: Callable[[zipfile.ZipInfo], None] = lambda info: None,
) -> Path:
    """Write an archive; by default one without a fault."""
    described = metadata(graph(files) if entities is None else entities)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, "ro-crate-metadata.json": described}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, data)
    return path
