"""Resource requests of rules, as functions that Snakemake calls for each job and each attempt."""

from collections.abc import Callable
from typing import Any, Protocol

from disentangle.study.jobs import Jobs
from disentangle.study.resources import (
    JobResources,
    external_resources,
    finetuning_resources,
    job_megabytes,
    job_minutes,
    measuring_resources,
    recovery_resources,
    training_resources,
)
from disentangle.study.tasks import TASK_LENGTH

Request = Callable[..., Any]
"""A function of wildcards and attempt that returns a quantity."""

WITHOUT_GPU = ("mem_mb", "runtime")
ON_ONE_NODE = ("gpu", *WITHOUT_GPU)
ON_SEVERAL = (*ON_ONE_NODE, "nodes", "tasks", "mpi")


class Wildcards(Protocol):
    """The wildcards of a cohort's job."""

    cohort: str


class CohortRequests:
    """What the job of a cohort, or of a model from elsewhere, requests."""

    def __init__(
        self,
        jobs: Jobs,
        estimate: Callable[..., JobResources],
        names: tuple[str, ...] = ON_ONE_NODE,
        **further: Any,
    ) -> None:
        """
        Args:
            jobs: the study's jobs.
            estimate: function of runs, execution and attempt that returns what their job needs.
            names: names of the resources that the rule requests.
            further: further arguments of `estimate`.
        """
        self._jobs, self._estimate, self._further = jobs, estimate, further
        self.threads = self._request("threads")
        self.resources = {name: self._request(name) for name in names}

    def _request(self, quantity: str) -> Request:
        def request(wildcards: Wildcards, attempt: int = 1) -> Any:
            cohort, execution = wildcards.cohort, self._jobs.study.execution
            if cohort in self._jobs.external:
                needed = external_resources(cohort, execution, attempt)
            else:
                runs = self._jobs.cohorts[cohort]
                needed = self._estimate(runs, execution, attempt, **self._further)
            return getattr(needed, quantity)

        return request


class ResourceRequests:
    """What the rules of a study request."""

    def __init__(self, jobs: Jobs) -> None:
        self._execution, study = jobs.study.execution, jobs.study
        self.training = CohortRequests(jobs, training_resources, ON_SEVERAL)
        self.finetuning = CohortRequests(
            jobs, finetuning_resources, ON_SEVERAL, perturbation=study.perturbation
        )
        self.recovering = CohortRequests(
            jobs, recovery_resources, ON_SEVERAL, perturbation=study.perturbation
        )
        self.importing = CohortRequests(jobs, measuring_resources, WITHOUT_GPU)
        self.measuring = CohortRequests(jobs, measuring_resources)
        self.decomposing = CohortRequests(jobs, measuring_resources, WITHOUT_GPU)
        longest = max(study.model.sequence_length, TASK_LENGTH)
        self.evaluating = CohortRequests(
            jobs, measuring_resources, positions=study.evaluation.batch_size * longest
        )

    def of(self, *, megabytes: int, minutes: int) -> dict[str, Request]:
        """Requests of a job with this estimated memory and run time."""

        def mem_mb(wildcards: Any, attempt: int = 1) -> int:
            return job_megabytes(megabytes, self._execution, attempt)

        def runtime(wildcards: Any, attempt: int = 1) -> int:
            return job_minutes(minutes, self._execution, attempt)

        return {"mem_mb": mem_mb, "runtime": runtime}
