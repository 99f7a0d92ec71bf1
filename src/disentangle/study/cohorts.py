"""Cohorts: runs of one size that share a job.

A job first spends ten seconds or more on importing libraries. If models train in seconds, this
would be most of a study's cost, so one job trains several of them, one after the other.
"""

from collections.abc import Iterable

from disentangle.study.run import Run, training_flops

BRIEF_FLOPS = 3e12
"""The most floating-point operations of a run that may share a job: five minutes on a slow CPU
core, a moment on a GPU. A longer run has its own job, so that such runs train in parallel. Branches
always share the job of their trunk, whose state they take over.
"""


def cohorts(runs: Iterable[Run], runs_per_job: int) -> dict[str, tuple[Run, ...]]:
    """Divide runs into cohorts by size, in order.

    Args:
        runs: the study's runs.
        runs_per_job: the most runs in a cohort.

    Returns:
        Name to runs. A cohort of one long run, with its branches, has the name of the run; others
        are named `<size>_part<i>`. Adding a run at the end of the design changes only its size's
        last cohort.
    """
    found: dict[str, tuple[Run, ...]] = {}
    brief: dict[str, list[tuple[Run, ...]]] = {}
    for family in _families(runs):
        longest = family[0]
        if runs_per_job > 1 and training_flops(longest, longest.steps) <= BRIEF_FLOPS:
            brief.setdefault(longest.size.name, []).append(family)
        else:
            found[longest.name] = family
    for size, families in brief.items():
        parts: list[tuple[Run, ...]] = [()]
        for family in families:
            if parts[-1] and len(parts[-1]) + len(family) > runs_per_job:
                parts.append(())
            parts[-1] += family
        found |= {f"{size}_part{i}": part for i, part in enumerate(parts, 1)}
    return found


def _families(runs: Iterable[Run]) -> list[tuple[Run, ...]]:
    """Each trunk with its branches; every other run alone."""
    found: dict[str, tuple[Run, ...]] = {}
    for run in runs:
        trunk = run.trunk or run.name
        found[trunk] = (*found.get(trunk, ()), run)
    return list(found.values())
