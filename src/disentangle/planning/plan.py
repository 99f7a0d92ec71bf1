"""What a study will cost, and which parts of it are done."""

from collections.abc import Sequence
from typing import Any

from disentangle.planning.columns import WIDTH
from disentangle.planning.measuring import Results, measurements_of
from disentangle.planning.regime import regimes_as_text
from disentangle.planning.request_table import JobRequest
from disentangle.planning.screen import as_text
from disentangle.planning.training import cost_of, plan_rows, strangers
from disentangle.storage import read_json
from disentangle.study.config import StudyConfig
from disentangle.study.jobs import Jobs
from disentangle.study.regime import regime_of
from disentangle.study.results_folder import StudyFolder


def plan(
    jobs: Jobs, folder: StudyFolder, requests: Sequence[JobRequest], width: int | None = WIDTH
) -> tuple[list[dict[str, Any]], str]:
    """Estimate the cost of a study.

    Args:
        jobs: the study's jobs.
        folder: its results folder, which may not exist.
        requests: what its jobs request from a cluster.
        width: of the screen; see `table_lines`.

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
    regimes = {run.name: regime_of(run, _text_tokens(study, folder)) for run in runs}
    text = as_text(
        rows, costs, measurements, jobs.counts, unknown, per_second, list(requests), width
    )
    return rows, "\n".join([text, *regimes_as_text(runs, regimes, width)])


def _text_tokens(study: StudyConfig, folder: StudyFolder) -> int | None:
    """Tokens of the training text: as counted, or as limited if it is not tokenized yet."""
    counted = folder.tokens_manifest()
    return read_json(counted)["tokens"] if counted.exists() else study.corpus.limit
