"""The cost of each job, from the records that jobs write next to their logs."""

import json
from pathlib import Path

import pandas as pd

from disentangle.job_record import USAGE, find_records

BESIDE = {"plan", "archive", "verify"}
"""Rules whose jobs produce no result. Their costs are not costs of the study, and an archive does
not hold all their records."""


def gather_costs(logs: Path, on_gpu: set[tuple[str, str]]) -> pd.DataFrame:
    """Read every job's record.

    Args:
        logs: where the rules' logs are, by rule and wildcard.
        on_gpu: the (rule, job) pairs that ran on a GPU.

    Returns:
        The costs table. For a job that was killed and resumed, only the last segment counts.
    """
    rows = []
    for (rule, job), record in find_records(logs).items():
        if rule in BESIDE:
            continue
        usage = {field: record[field] for field in USAGE}
        gpu_seconds = usage["wall_seconds"] if (rule, job) in on_gpu else 0.0
        rows.append({"rule": rule, "job": job, "gpu_seconds": gpu_seconds} | usage)
    return pd.DataFrame(rows)


def jobs_on_gpu(
    checkpoints: pd.DataFrame,
    geometry: pd.DataFrame,
    evaluation: pd.DataFrame,
    cohorts: dict[str, list[str]],
) -> set[tuple[str, str]]:
    """The (rule, cohort) pairs whose results were computed on a GPU.

    Args:
        checkpoints: the checkpoints table.
        geometry: the geometry table.
        evaluation: the evaluation table.
        cohorts: names of the runs of each cohort. An external model is a job of its own.
    """
    found = {("pretrain", run) for run in checkpoints.loc[checkpoints["device"] == "cuda", "run"]}
    measured = {"measure_geometry": geometry, "evaluate_checkpoints": evaluation}
    for rule, table in measured.items():
        devices = table["numerics"].map(lambda numerics: json.loads(numerics)["device"])
        found |= {(rule, run) for run in table.loc[devices.str.startswith("cuda"), "run"]}
    cohort_of = {run: cohort for cohort, runs in cohorts.items() for run in runs}
    return {(rule, cohort_of.get(run, run)) for rule, run in found}


def costs_by_rule(costs: pd.DataFrame) -> pd.DataFrame:
    """Sum jobs over each rule: jobs, CPU, GPU and wall seconds, peak memory."""
    return (
        costs.groupby("rule")
        .agg(
            jobs=("rule", "size"),
            cpu_seconds=("cpu_seconds", "sum"),
            gpu_seconds=("gpu_seconds", "sum"),
            wall_seconds=("wall_seconds", "sum"),
            max_rss_mb=("max_rss_mb", "max"),
        )
        .sort_values("cpu_seconds", ascending=False)
        .reset_index()
    )
