"""Models that were trained elsewhere: where their checkpoints are, and what is known of them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

EXTERNAL = "external"
"""What stands for the configuration of a model that was trained elsewhere."""

CONFIG = "config.json"
"""What makes a folder a Hugging Face model."""

OLMO_CONFIG = "config.yaml"
"""What makes it a checkpoint of ai2-olmo's trainer."""

OLMO_WEIGHTS = ("model.pt", "model.safetensors")
"""What such a checkpoint has if it is not sharded: either."""


def holds_model(folder: Path) -> bool:
    """Whether a folder says that it is a model, of either kind."""
    return (folder / CONFIG).is_file() or is_olmo(folder)


def is_olmo(folder: Path) -> bool:
    """Whether ai2-olmo's trainer wrote a folder."""
    return (folder / OLMO_CONFIG).is_file() and not (folder / CONFIG).is_file()


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
    tokenizer: str | None = None
    """A folder, or a name that ai2-olmo ships; None for what lies beside the weights."""

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
