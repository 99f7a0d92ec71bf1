"""Cohorts: runs of one size that share a job.

A job starts by importing libraries for ten seconds and more. Where models train in seconds that
would be most of a study's cost, so one job takes several of them, one after the other.
"""

from collections.abc import Iterable

from disentangle.study.run import Run, training_flops

BRIEF_FLOPS = 3e12
"""Operations of a run that may share a job: five minutes on a slow CPU core, a moment on a GPU. A
longer one has a job of its own whatever the study says, so that runs go side by side."""


def cohorts(runs: Iterable[Run], runs_per_job: int) -> dict[str, tuple[Run, ...]]:
    """Divide runs into cohorts by size, in order.

    Args:
        runs: the study's.
        runs_per_job: the most runs in a cohort.

    Returns:
        Name to runs. A run with a job of its own gives it its name; shared ones are
        `<size>_part<i>`. A run added at the end of the design changes its size's last cohort only.
    """
    found: dict[str, tuple[Run, ...]] = {}
    brief: dict[str, list[Run]] = {}
    for run in runs:
        if runs_per_job > 1 and training_flops(run, run.steps) <= BRIEF_FLOPS:
            brief.setdefault(run.size.name, []).append(run)
        else:
            found[run.name] = (run,)
    for size, members in brief.items():
        for part, start in enumerate(range(0, len(members), runs_per_job), 1):
            found[f"{size}_part{part}"] = tuple(members[start : start + runs_per_job])
    return found
