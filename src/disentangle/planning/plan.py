"""What a study will cost, and which parts of it are done."""

from collections.abc import Sequence
from typing import Any

from disentangle.planning.asking import Ask
from disentangle.planning.measuring import Results, measurements_of
from disentangle.planning.screen import as_text
from disentangle.planning.training import cost_of, plan_rows, strangers
from disentangle.study.folder import StudyFolder
from disentangle.study.jobs import Jobs


def plan(jobs: Jobs, folder: StudyFolder, asks: Sequence[Ask]) -> tuple[list[dict[str, Any]], str]:
    """Estimate the cost of a study.

    Args:
        jobs: the study's jobs.
        folder: its results folder, which may not exist.
        asks: what its jobs request from a cluster.

    Returns:
        Rows of the plan table, and the plan as a screen of text.
    """
    study, runs = jobs.study, list(jobs.runs.values())
    costs = [
        cost_of(run, folder.checkpoints / run.name, study.perturbation, folder.perturbed)
        for run in runs
    ]
    per_second = study.execution.flops_per_second
    rows = plan_rows(costs, flops_per_second=per_second, keep_states=study.save.trainer_state)
    measurements = measurements_of(jobs, Results(folder))
    unknown = strangers(runs, folder.checkpoints)
    text = as_text(rows, costs, measurements, jobs.counts, unknown, per_second, list(asks))
    return rows, text
