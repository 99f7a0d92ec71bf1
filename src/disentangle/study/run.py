"""One model to train, its names, and what its training costs."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from disentangle.study.sections.design import Hyperparameters, Late
from disentangle.study.sections.interventions import dose_of
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.study.token_counts import spell_count

TRAINING_VERSION = 2
"""Incremented by hand when a code change makes training produce different weights. No other code
change repeats training, because it is the expensive part."""


@dataclass(frozen=True)
class Run:
    """One model to train: what identifies it, and the steps at which checkpoints are kept.

    Every field but `checkpoints` and `trunk` is part of the identity. Devices, threads,
    micro-batches and paths are not included, so a run has the same name and folder wherever it is
    trained.
    """

    name: str
    """Readable and safe in file names, made only from the size and the hyperparameters."""
    size: Size
    model: Model
    optimizer: Optimizer
    hyperparameters: Hyperparameters
    vocabulary: int
    """Rows of the vocabulary that are in use."""
    rows: int
    """Rows of the weight matrices, including padding."""
    steps: int
    """Optimizer steps in the whole budget."""
    checkpoints: tuple[int, ...]
    """Steps at which a checkpoint is kept, ascending."""
    trunk: str | None = None
    """Of a branch: the longer run that begins as it does, and whose state it takes over at its
    `cooling_step`. The result is the same as without, so this is no part of the identity."""
    trains: Literal["all", "head"] = "all"
    """Which weights are trained: all, or the untied head alone. No design varies it."""

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimizer step consumes."""
        return self.hyperparameters.batch_size * self.model.sequence_length

    @property
    def configuration(self) -> str:
        """The hyperparameters without size and seed, which repeats have in common."""
        return configuration_name(self.hyperparameters)

    @property
    def warmup_steps(self) -> int:
        """Steps over which the learning rate rises."""
        cooldown = self.hyperparameters.cooldown
        if cooldown is None:
            return round(self.optimizer.warmup * self.steps)
        return round(cooldown.warmup / self.tokens_per_step)

    @property
    def cooling_step(self) -> int:
        """The last step before the learning rate falls; without a cooldown, the warm-up's last."""
        cooldown = self.hyperparameters.cooldown
        if cooldown is None:
            return self.warmup_steps
        return self.steps - round(cooldown.share * self.steps)

    @property
    def begins_at(self) -> int:
        """The step at which a branch takes over its trunk's state; 0 for every other run."""
        return self.cooling_step if self.trunk else 0

    @property
    def late_step(self) -> int:
        """The last step before a late change; the last of all if there is none."""
        late = self.hyperparameters.late
        return round(late.at * self.steps) if late else self.steps

    @property
    def params_non_embedding(self) -> int:
        """Weights of the blocks: attention 4 d^2 and SwiGLU 3/2 mlp_ratio d^2 per layer."""
        d, ratio = self.size.d_model, self.model.mlp_ratio
        return self.size.n_layers * (4 * d * d + ratio * d * d + ratio * d // 2 * d)

    @property
    def params_embedding(self) -> int:
        """Weights of the embedding and, if untied, of the unembedding."""
        return self.rows * self.size.d_model * (1 if self.model.tied else 2)

    def identity(self) -> dict[str, Any]:
        """What must be equal for two trainings to be the same run, as plain data."""
        partly = {} if self.trains == "all" else {"trains": self.trains}
        return partly | {
            "size": self.size.model_dump(exclude={"tied"}),  # it is in the model
            "model": self.model.model_dump(),
            "optimizer": self.optimizer.model_dump(mode="json"),
            "hyperparameters": self.hyperparameters.chosen(),
            "vocabulary": self.vocabulary,
            "rows": self.rows,
            "steps": self.steps,
            "training_version": TRAINING_VERSION,
        }

    def covariates(self) -> dict[str, Any]:
        """The run's columns in every table that has one row per run or checkpoint."""
        h = self.hyperparameters
        return {
            "size": self.size.name,
            "params_non_embedding": self.params_non_embedding,
            "params_embedding": self.params_embedding,
            "configuration": self.configuration,
            "tokens_budget": h.tokens,
            "batch_size": h.batch_size,
            "weight_decay": h.weight_decay,
            "learning_rate": h.learning_rate * self.optimizer.learning_rate,
            "learning_rate_multiple": h.learning_rate,
            "final_lr": h.final_lr,
            "beta2_steps": 1 / (1 - (self.optimizer.betas[1] if h.beta2 is None else h.beta2)),
            "head_decay": 1.0 if h.head_decay is None else h.head_decay,
            "cooldown": h.cooldown.share if h.cooldown else 0.0,
            "text_tokens": h.text_tokens or 0,
            "token_noise": h.token_noise or 0.0,
            "late": late_name(h.late) if h.late else "",
            "arm": h.arm.name if h.arm else "",
            "intervention": h.arm.does.kind if h.arm else "",
            "dose": dose_of(h.arm.does) if h.arm else None,
            "seed": h.seed,
            "init_seed": h.seed if h.init_seed is None else h.init_seed,
            "data_seed": h.seed if h.data_seed is None else h.data_seed,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data, the input of `from_json`."""
        sections = ("size", "model", "optimizer", "hyperparameters")
        plain = asdict(self) | {key: getattr(self, key).model_dump(mode="json") for key in sections}
        plain |= {
            "hyperparameters": self.hyperparameters.chosen(),
            "checkpoints": list(self.checkpoints),
        }
        if self.trunk is None:
            del plain["trunk"]
        if self.trains == "all":
            del plain["trains"]
        return plain

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Run":
        """Inverse of `to_json`.

        Raises:
            pydantic.ValidationError: if a section is not valid.
        """
        return cls(
            **data
            | {
                "size": Size.model_validate(data["size"]),
                "model": Model.model_validate(data["model"]),
                "optimizer": Optimizer.model_validate(data["optimizer"]),
                "hyperparameters": Hyperparameters.model_validate(data["hyperparameters"]),
                "checkpoints": tuple(data["checkpoints"]),
            }
        )


def steps_of(tokens: int, batch_size: int, sequence_length: int) -> int:
    """Whole optimizer steps in a token budget, rounded to the nearest."""
    return round(tokens / (batch_size * sequence_length))


def _spell(value: float) -> str:
    # repr is the shortest spelling that is unique to the number, so names cannot collide
    return repr(float(value)).removesuffix(".0")


def configuration_name(h: Hyperparameters) -> str:
    """Name a configuration: tok8B_bs128_wd0.1_lr1x_fin0.1; optional choices only if made."""
    beta2 = "" if h.beta2 is None else f"_beta{_spell(h.beta2)}"
    head = "" if h.head_decay is None else f"_head{_spell(h.head_decay)}x"
    cool = f"_cool{_spell(h.cooldown.share)}w{spell_count(h.cooldown.warmup)}" if h.cooldown else ""
    text = "" if h.text_tokens is None else f"_text{spell_count(h.text_tokens)}"
    noise = "" if h.token_noise is None else f"_noise{_spell(h.token_noise)}"
    late = f"_late{late_name(h.late)}" if h.late else ""
    return (
        f"tok{spell_count(h.tokens)}_bs{h.batch_size}_wd{_spell(h.weight_decay)}"
        f"_lr{_spell(h.learning_rate)}x_fin{_spell(h.final_lr)}{beta2}{head}{cool}{text}{noise}{late}"
    )


def late_name(late: Late) -> str:
    """Name a late change: 0.67-wd0.5-head50x-prose."""
    decay = "" if late.weight_decay is None else f"-wd{_spell(late.weight_decay)}"
    head = "" if late.head_decay is None else f"-head{_spell(late.head_decay)}x"
    target = "" if late.target is None else f"-{late.target}"
    return f"{_spell(late.at)}{decay}{head}{target}"


def run_name(size: Size, h: Hyperparameters) -> str:
    """Name a run: 4M_tok8B_bs128_wd0.1_lr1x_fin0.1_s0; an arm and seeds of its own are added.

    The arm is not part of the configuration, which control and arms share.
    """
    own = {"i": h.init_seed, "d": h.data_seed}
    apart = "".join(f"{key}{seed}" for key, seed in own.items() if seed is not None)
    arm = f"_arm-{h.arm.name}" if h.arm else ""
    return f"{size.name}_{configuration_name(h)}{arm}_s{h.seed}{apart}"


def training_flops(run: Run, step: int) -> float:
    """Floating-point operations up to a step: 6 per token and multiplied weight.

    C = 6 (N + V d) D (Kaplan et al. 2020, but with the head, since it dominates small models);
    attention scores are left out.
    """
    multiplied = run.params_non_embedding + run.rows * run.size.d_model
    return 6.0 * multiplied * step * run.tokens_per_step


def own_flops(run: Run) -> float:
    """The operations of a run's own training: a branch begins where it cools."""
    return training_flops(run, run.steps) - training_flops(run, run.begins_at)
