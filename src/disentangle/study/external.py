"""Models that were trained elsewhere: where their checkpoints are, and what is known of them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from disentangle.storage import read_json

EXTERNAL = "external"
"""What stands for the configuration of a model that was trained elsewhere."""


@dataclass(frozen=True)
class ExternalRun:
    """One model at some of its steps, as the study file names it."""

    name: str
    source: str
    """`hf:REPO`, or a folder."""
    revisions: dict[int, str]
    """Step to a revision of the repository, or to a folder within the source's."""
    tokens_per_step: int | None
    known: dict[str, float]
    """Hyperparameters that are known."""

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Steps that there are, ascending."""
        return tuple(sorted(self.revisions))

    def covariates(self) -> dict[str, Any]:
        """The columns of `Run.covariates`; what is not known, or known once it is imported, is
        None."""
        unknown = dict.fromkeys(
            (
                *("params_non_embedding", "params_embedding", "tokens_budget", "batch_size"),
                *("weight_decay", "learning_rate", "learning_rate_multiple", "final_lr", "seed"),
            )
        )
        return {"size": self.name, "configuration": EXTERNAL} | unknown | self.known

    def to_json(self) -> dict[str, Any]:
        """Plain data from which `from_json` builds it again."""
        return asdict(self) | {"revisions": {str(s): r for s, r in self.revisions.items()}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ExternalRun":
        """Inverse of `to_json`."""
        revisions = {int(step): revision for step, revision in data["revisions"].items()}
        return cls(**data | {"revisions": revisions})


def read_external(path: Path) -> dict[str, ExternalRun]:
    """Read them from the file that the workflow wrote down, by name."""
    runs = (ExternalRun.from_json(data) for data in read_json(path)["external"])
    return {run.name: run for run in runs}
