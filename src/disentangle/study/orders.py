"""Orders: what each job is to do, as a file that is newer only if that changed.

Snakemake remembers the parameters of jobs in `.snakemake/`, and goes by times where that is absent
(results that were copied) or not asked (`--rerun-triggers mtime`). A job's order is an input like
any other, so a run, a task or a step more is noticed either way.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from disentangle.storage import read_json, write_json


def write_orders(folder: Path, orders: Mapping[str, Mapping[str, Any]]) -> None:
    """Write `<folder>/<rule>/<job>.json` for every job of every rule, where it is not so already.

    Args:
        folder: of the study's orders.
        orders: rule to job to what it is to do, as plain data.
    """
    for rule, jobs in orders.items():
        for job, order in jobs.items():
            path = folder / rule / f"{job}.json"
            if not _is(path, order):
                write_json(path, order)


def _is(path: Path, order: Any) -> bool:
    try:
        return bool(read_json(path) == order)
    except (FileNotFoundError, ValueError):
        return False
