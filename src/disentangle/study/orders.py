"""Orders: what each job is to do, as a file that is newer only if that changed.

Snakemake remembers the parameters of jobs in `.snakemake/`, and goes by times where that is absent
(results that were copied) or not asked (`--rerun-triggers mtime`). A job's order is an input like
any other, so a run, a task or a step more is noticed either way.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disentangle.storage import read_json, write_json


@dataclass(frozen=True)
class Replaced:
    """An order that was written, and what was there before."""

    path: Path
    content: bytes | None
    """None where there was no order."""
    time_ns: int
    """When it was written, as files have it."""


def write_orders(folder: Path, orders: Mapping[str, Mapping[str, Any]]) -> list[Replaced]:
    """Write `<folder>/<rule>/<job>.json` for every job of every rule, where it is not so already.

    Args:
        folder: of the study's orders.
        orders: rule to job to what it is to do, as plain data.

    Returns:
        What was written, for `put_back`.
    """
    replaced = []
    for rule, jobs in orders.items():
        for job, order in jobs.items():
            path = folder / rule / f"{job}.json"
            if not _is(path, order):
                there = path.is_file()
                content, time_ns = (
                    (path.read_bytes(), path.stat().st_mtime_ns) if there else (None, 0)
                )
                replaced.append(Replaced(path, content, time_ns))
                write_json(path, order)
    return replaced


def put_back(replaced: Iterable[Replaced]) -> None:
    """Make the orders, and their times, what they were: for who only wanted to look."""
    for before in replaced:
        if before.content is None:
            before.path.unlink(missing_ok=True)
            _remove_empty(before.path.parent)
        else:
            before.path.write_bytes(before.content)
            os.utime(before.path, ns=(before.time_ns, before.time_ns))


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those that it is in, as far as nothing else is in them."""
    while not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _is(path: Path, order: Any) -> bool:
    try:
        return bool(read_json(path) == order)
    except (FileNotFoundError, ValueError):
        return False
