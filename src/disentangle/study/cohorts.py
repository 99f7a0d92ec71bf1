"""Cohorts: runs of one size that share a job.

A job first spends ten seconds or more on importing libraries. If models train in seconds, this
would be most of a study's cost, so one job trains several of them, one after the other.
"""

from collections.abc import Iterable

from disentangle.study.run import Run, training_flops

BRIEF_FLOPS = 3e12
"""The most floating-point operations of a run that may share a job: five minutes on a slow CPU
core, a moment on a GPU. A longer run always has its own job, so that such runs train in parallel.
"""


def cohorts(runs: Iterable[Run], runs_per_job: int) -> dict[str, tuple[Run, ...]]:
    """Divide runs into cohorts by size, in order.

    Args:
        runs: the study's runs.
        runs_per_job: the most runs in a cohort.

    Returns:
        Name to runs. A cohort of one long run has the name of the run; others are named
        `<size>_part<i>`. Adding a run at the end of the design changes only its size's last cohort.
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
