"""Studies that a start of the workflow refuses before any job runs."""

from pathlib import Path
from typing import Any

from disentangle.errors import StudyError, listed
from disentangle.study.jobs import Jobs
from disentangle.study.resources import refuse_more_than, refuse_uneven_batches
from disentangle.study.text_files import faults_of_text


def refuse_unrunnable(jobs: Jobs, results: Path, shared: Any) -> None:
    """Refuse a study that cannot run here.

    Args:
        jobs: the study's jobs.
        results: the study's folder.
        shared: Snakemake's resources for all jobs together, by name.

    Raises:
        StudyError: if a table or text does not exist, a batch cannot be shared evenly, or a job
            needs more GPUs than are available.
    """
    study, runs = jobs.study, jobs.runs.values()
    # checked here, since Snakemake would take results of an earlier file for those of this one
    if study.observations and not Path(study.observations.file).is_file():
        raise StudyError(
            f"observations.file: there is no file {study.observations.file}. Paths are relative to "
            f"where the workflow runs, {Path.cwd()}."
        )
    if faults := faults_of_text(study, results):
        raise StudyError(listed(faults))
    refuse_uneven_batches(runs, study.execution, study.perturbation)
    if "gpu" in shared:
        refuse_more_than(runs, study.execution, shared["gpu"].value)
