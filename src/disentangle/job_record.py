"""A job's record beside its log: what it did, with what and where, for costs and provenance.

Snakemake's own metadata are lost when results are copied, and jobs on a cluster write none; these
records stay with the results.
"""

import os
import platform
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from disentangle.storage import DamagedError, read_json, sha256_of, write_json
from disentangle.study.specs.spec import AGAIN

RECORD = ".record.json"
"""Ending of the file beside a log that holds the job's record."""

USAGE = ("wall_seconds", "cpu_seconds", "max_rss_mb")
"""Fields of a record with the job's use of resources."""

REQUIRED = {"rule", "inputs", "outputs", "params", "code", "status", "machine", *USAGE}
"""Fields that every record has."""


def record_of(log: Path) -> Path:
    """The record that belongs to a log."""
    return Path(f"{log}{RECORD}")


def record_paths(logs: Path) -> dict[tuple[str, str], Path]:
    """The paths of all records.

    Args:
        logs: the folder of all logs.

    Returns:
        Rule, and the job's name among those of the rule ("" for the only one), to the record.
    """
    found = {}
    for path in sorted(logs.rglob(f"*{RECORD}")):
        rule, *rest = str(path.relative_to(logs)).removesuffix(f".log{RECORD}").split("/")
        found[rule, "/".join(rest)] = path
    return found


def read_record(path: Path) -> dict[str, Any]:
    """Read a job's record.

    Raises:
        DamagedError: if it is not one.
    """
    record = read_json(path)
    if not isinstance(record, dict) or not record.keys() >= REQUIRED:
        rule = path.name.split(".")[0] if path.parent.name == "logs" else path.parent.name
        raise DamagedError(
            path,
            "is damaged: it is not a record of a job",
            f"Delete it; `--forcerun {rule}` makes it again, and what is computed is kept.",
        )
    return record


def find_records(logs: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Read every job's record; see `record_paths` and `read_record`."""
    return {job: read_record(path) for job, path in record_paths(logs).items()}


def write_record(snakemake: Any, log: Path, began: datetime, status: int) -> None:
    """Write the record of a job that ends now.

    Args:
        snakemake: what Snakemake gives a script.
        log: the job's log.
        began: when it began, UTC.
        status: its exit status.
    """
    ended = datetime.now(UTC)
    told = _told(snakemake)
    write_json(
        record_of(log),
        {
            "rule": snakemake.rule,
            "wildcards": dict(snakemake.wildcards.items()),
            "inputs": [_inside(path) for path in snakemake.input],
            "outputs": [_inside(path) for path in snakemake.output],
            "sha256": {
                _inside(path): sha256_of(Path(path))
                for path in snakemake.output
                if not status and Path(path).is_file()
            },
            "params": told,
            "code": told.get("code"),
            "threads": snakemake.threads,
            "began": began.isoformat(timespec="milliseconds"),
            "ended": ended.isoformat(timespec="milliseconds"),
            "status": status,
            "machine": machine(),
            **_usage((ended - began).total_seconds()),
        },
    )


def _told(snakemake: Any) -> dict[str, Any]:
    """A job's settings, from its spec or, without one, from its parameters."""
    spec = getattr(snakemake.input, "spec", None)
    if spec is None:
        return dict(snakemake.params.items())
    content: dict[str, Any] = read_json(Path(spec))
    return {key: content[key] for key in content if key != AGAIN}


def machine() -> dict[str, Any]:
    """The class of this machine, as far as results may depend on it; it does not identify it."""
    # only what has computed with torch has a device, and the import costs seconds
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_available()
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if torch is not None and on_gpu else "cpu",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _inside(path: str) -> str:
    """A path relative to where the workflow runs, if it lies in there."""
    absolute, here = Path(path).absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def _usage(wall_seconds: float) -> dict[str, float]:
    """Resources used by this process and the children it waited for, from the kernel.

    CPU time counts from the interpreter's start, imports included; wall time from the job's.
    """
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    kilobytes = max(own.ru_maxrss, children.ru_maxrss)
    values = (wall_seconds, cpu, kilobytes / 1024)
    return dict(zip(USAGE, values, strict=True))
