"""Models that were trained elsewhere: where their checkpoints are, and what is known about them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

EXTERNAL = "external"
"""Takes the place of the configuration of a model that was trained elsewhere."""

CONFIG = "config.json"
"""The file that identifies a folder as a Hugging Face model."""

OLMO_CONFIG = "config.yaml"
"""The file that identifies a folder as a checkpoint of ai2-olmo's trainer."""

HF_OLMO = "hf_olmo"
"""The model type of folders that ai2-olmo's own class on the hub wrote, such as DataDecide's."""


def holds_model(folder: Path) -> bool:
    """Whether a folder is a model of either kind, judged by its configuration file."""
    return (folder / CONFIG).is_file() or is_olmo(folder)


def is_olmo(folder: Path) -> bool:
    """Whether a folder has weights by ai2-olmo's own names, from its trainer or its class."""
    if (folder / CONFIG).is_file():
        return _model_type(folder / CONFIG) == HF_OLMO
    return (folder / OLMO_CONFIG).is_file()


def _model_type(config: Path) -> object:
    """What a Hugging Face folder says that it is; None if it cannot be read."""
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("model_type") if isinstance(content, dict) else None


@dataclass(frozen=True)
class ExternalRun:
    """One model at some of its steps, as the study file names it."""

    name: str
    source: str
    """`hf:REPO`, or a folder."""
    revisions: dict[int, str]
    """Step to a revision of the repository, or to a folder within the source folder."""
    tokens_per_step: int | None
    known: dict[str, float | str]
    """Its size's name and hyperparameters, as far as they are known."""
    tokenizer: str | None = None
    """A folder, or a name that ai2-olmo ships; None for the tokenizer beside the weights."""

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """All its steps, ascending."""
        return tuple(sorted(self.revisions))

    def covariates(self) -> dict[str, Any]:
        """The columns of `Run.covariates`; None for a value that is unknown before the import."""
        unknown = dict.fromkeys(
            (
                *("params_non_embedding", "params_embedding", "tokens_budget", "batch_size"),
                *("weight_decay", "learning_rate", "learning_rate_multiple", "final_lr"),
                *("beta2_steps", "head_decay", "seed", "init_seed", "data_seed", "dose"),
            )
        )
        usual: dict[str, Any] = {"size": self.name, "configuration": EXTERNAL}
        usual |= {"cooldown": 0.0, "text_tokens": 0, "token_noise": 0.0}
        usual |= {"late": "", "arm": "", "intervention": ""}
        seeds = dict.fromkeys(("init_seed", "data_seed"), self.known.get("seed"))
        return usual | unknown | seeds | self.known

    def to_json(self) -> dict[str, Any]:
        """Plain data, the input of `from_json`."""
        return asdict(self) | {"revisions": {str(s): r for s, r in self.revisions.items()}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ExternalRun":
        """Inverse of `to_json`."""
        revisions = {int(step): revision for step, revision in data["revisions"].items()}
        return cls(**data | {"revisions": revisions})
