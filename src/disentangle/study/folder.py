"""The folder of a study's results: where everything in it is."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyFolder:
    """The paths of `results/<study>/`. Names may hold Snakemake's wildcards."""

    path: Path

    @classmethod
    def of(cls, study: str) -> "StudyFolder":
        """The folder of a study, relative to where the workflow runs."""
        return cls(Path("results") / study)

    @classmethod
    def of_spec(cls, spec: str | Path) -> "StudyFolder":
        """The folder that a job's spec is in."""
        return cls(Path(spec).parents[2])

    def spec(self, rule: str, job: str) -> Path:
        """What a job is to do."""
        return self.path / "specs" / rule / f"{job}.json"

    @property
    def logs(self) -> Path:
        """Logs and records of all jobs."""
        return self.path / "logs"

    @property
    def checkpoints(self) -> Path:
        """A folder a run: see `training.run_folder`."""
        return self.path / "checkpoints"

    @property
    def perturbed(self) -> Path:
        """A folder a run, in it one a variant."""
        return self.path / "perturbed"

    def cache(self, stage: str) -> Path:
        """Finished measurements of a stage: geometry, layers, evaluation or calibration."""
        return self.path / "cache" / stage
