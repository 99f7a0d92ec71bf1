"""The resources that a study's jobs request from a cluster, as a table on the screen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from disentangle.planning.columns import WIDTH, table_lines, wrapped
from disentangle.study.jobs import Jobs

HEADS = ("rule", "jobs", "gpu", "nodes", "GB a node", "minutes", "partition")


@dataclass(frozen=True)
class JobRequest:
    """The resources that one job requests at its first attempt."""

    rule: str
    gpu: int
    nodes: int
    mem_mb: int
    """On each node."""
    runtime: int
    """Minutes."""
    partition: str
    """Empty for the site's default."""


def requests_as_text(requests: Sequence[JobRequest], width: int | None = WIDTH) -> list[str]:
    """One line per rule, with the least and the most that its jobs request; then total GPU-hours.

    Args:
        requests: requests of all jobs, grouped by rule.
        width: of the screen; see `table_lines`.
    """
    if not requests:
        return []
    by_rule: dict[str, list[JobRequest]] = {}
    for request in requests:
        by_rule.setdefault(request.rule, []).append(request)
    rows = [_row(rule, jobs) for rule, jobs in by_rule.items()]
    held = sum(request.gpu * request.runtime for request in requests) / 60
    charged = (
        f"GPUs times minutes of all these jobs are {held:.4g} GPU-hours, starting included: what "
        "is charged at most, if none is tried again. Training that needs longer goes on in further "
        "jobs."
    )
    return [*table_lines(HEADS, rows, width=width), "", *wrapped([charged], width)]


def _row(rule: str, jobs: Sequence[JobRequest]) -> tuple[str, ...]:
    return (
        rule,
        str(len(jobs)),
        _span([job.gpu for job in jobs]),
        _span([job.nodes for job in jobs]),
        _span([round(job.mem_mb / 1000, 1) for job in jobs]),
        _span([job.runtime for job in jobs]),
        ", ".join(dict.fromkeys(job.partition or "the site's" for job in jobs)),
    )


def _span(numbers: Sequence[float]) -> str:
    least, most = min(numbers), max(numbers)
    return f"{least:g}" if least == most else f"{least:g}-{most:g}"


def requests_of_jobs(workflow: Any, jobs: Jobs) -> list[dict[str, Any]]:
    """What each job of a cohort requests from a cluster, including the profile's settings.

    Args:
        workflow: Snakemake's workflow, after all its rules are read.
        jobs: the study's jobs.

    Returns:
        For each job, the fields of a `JobRequest`.
    """
    from snakemake.iocontainers import Wildcards

    cohorts_of: dict[str, Iterable[str]] = {
        "pretrain": jobs.cohorts,
        "import_checkpoint": jobs.external,
        **dict.fromkeys(jobs.perturbations, jobs.perturbed),
        "measure_surgery": jobs.operated,
        "measure_geometry": jobs.measured,
        "compare_layers": jobs.measured if jobs.study.geometry.layers else [],
        "follow_tokens": jobs.measured if jobs.study.evaluation.token_trends else [],
        "measure_matrices": jobs.measured if jobs.study.geometry.matrices == "all" else [],
        "measure_gradients": jobs.cohorts if jobs.study.geometry.gradients else [],
        "evaluate_checkpoints": jobs.measured,
    }
    return [
        _ask_of(workflow.get_rule(rule), Wildcards(fromdict={"cohort": cohort}))
        for rule, names in cohorts_of.items()
        for cohort in names
    ]


def _ask_of(rule: Any, wildcards: Any) -> dict[str, Any]:
    asked = rule.expand_resources(wildcards, [], 1, skip_evaluation={"tmpdir"})
    return {
        "rule": rule.name,
        "gpu": asked.get("gpu") or 0,
        "nodes": asked.get("nodes") or 1,
        "mem_mb": asked.get("mem_mb"),
        "runtime": asked.get("runtime"),
        "partition": asked.get("slurm_partition") or "",
    }
