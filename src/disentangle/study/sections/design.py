"""What varies between runs, and which steps of them are kept."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from disentangle.study.sections.interventions import Arm, Intervention
from disentangle.study.sections.section import (
    Beta,
    DropsNull,
    Fraction,
    Name,
    Quantity,
    Section,
    Seed,
    distinct,
)


class Late(Section):
    """A change of choices late in a run: a positive control for late degradation."""

    at: float = Field(gt=0, lt=1)
    """Share of the run's steps after which it holds."""
    weight_decay: Annotated[float, Field(ge=0, le=1000)] | None = None
    """Weight decay from then on."""
    head_decay: Annotated[float, Field(ge=0, le=10**6)] | None = None
    """Weight decay of the untied head from then on, as a multiple of that of the other matrices."""
    target: Name | None = None
    """Fine-tuning target whose text is read from then on, in place of the training text."""

    @model_validator(mode="after")
    def _changes_something(self) -> "Late":
        if self.weight_decay is None and self.head_decay is None and self.target is None:
            raise ValueError("changes nothing: say weight_decay, head_decay or target")
        return self


class Cooldown(Section):
    """A constant learning rate that falls at the end, in place of the cosine (WSD: Hu et al. 2024,
    arXiv 2404.06395; Haegele et al. 2024, arXiv 2405.18392)."""

    share: float = Field(gt=0, lt=1)
    """Share of the run's steps over which the rate falls linearly, to `final_lr`."""
    warmup: Quantity
    """Tokens over which the rate rises. They replace `optimizer.warmup`, which is a share, so that
    runs of all budgets begin alike."""


class Hyperparameters(Section):
    """What the design varies."""

    tokens: Quantity
    """Training budget; may be written 262k or 8B."""
    batch_size: int = Field(gt=0, le=10**7)
    """Sequences per optimizer step."""
    weight_decay: float = Field(ge=0, le=1000)
    """AdamW's decoupled weight decay."""
    learning_rate: float = Field(gt=0, le=10**6)
    """Peak learning rate as a multiple of `optimizer.learning_rate`."""
    final_lr: Fraction
    """Learning rate at the end, as a share of the peak."""
    seed: Seed
    """Seed of initialisation and data order."""
    init_seed: Seed | None = None
    """Seed of the initialisation, if not `seed`."""
    data_seed: Seed | None = None
    """Seed of the order of the data, if not `seed`."""
    beta2: Beta | None = None
    """AdamW's decay rate of squared gradients, if not the second of `optimizer.betas`."""
    head_decay: Annotated[float, Field(ge=0, le=10**6)] | None = None
    """Weight decay of the untied head as a multiple of `weight_decay`; by default 1."""

    cooldown: Cooldown | None = None
    """A constant learning rate with a fall at the end; by default the rate follows a cosine."""
    text_tokens: Quantity | None = None
    """Read only so many tokens of the training text, in as many epochs as the budget takes."""
    token_noise: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Replace this share of the training text's tokens by random ones, the same in every epoch. The
    logged training loss is then that of the text with noise."""
    late: Late | None = None
    """What changes late in the run. Such a run is judged for late degradation, and is left out of
    associations, whose design describes whole runs."""
    arm: Annotated[Arm | None, SkipJsonSchema()] = None
    """What is done to W during training. It comes from `design.interventions`. Such a run is left
    out of associations too."""

    def chosen(self) -> dict[str, Any]:
        """What was set, as plain data; an optional choice that was not made is left out, so that it
        changes no identity."""
        return self.model_dump(mode="json", exclude_none=True)


class Sweep(Section):
    """One departure from the base configuration; lists given together vary together."""

    tokens: list[Quantity] | None = None
    batch_size: list[Annotated[int, Field(gt=0, le=10**7)]] | None = None
    weight_decay: list[Annotated[float, Field(ge=0, le=1000)]] | None = None
    learning_rate: list[Annotated[float, Field(gt=0, le=10**6)]] | None = None
    final_lr: list[Fraction] | None = None
    seed: list[Seed] | None = None
    init_seed: list[Seed] | None = None
    data_seed: list[Seed] | None = None
    beta2: list[Beta] | None = None
    head_decay: list[Annotated[float, Field(ge=0, le=10**6)]] | None = None
    text_tokens: list[Quantity] | None = None
    token_noise: list[Annotated[float, Field(gt=0, lt=1)]] | None = None
    late: list[Late] | None = None

    @property
    def varied(self) -> dict[str, list[Any]]:
        """The hyperparameters this sweep sets, with their values."""
        return {name: values for name, values in self if values is not None}

    @model_validator(mode="after")
    def _one_length(self) -> "Sweep":
        lengths = {len(values) for values in self.varied.values()}
        if not lengths or 0 in lengths:
            raise ValueError("a sweep needs at least one value of at least one hyperparameter")
        if len(lengths) > 1:
            raise ValueError("hyperparameters that vary together need lists of one length")
        return self


class Design(Section):
    """The base configuration and the sweeps around it, each crossed with every size."""

    base: Hyperparameters
    """The base configuration."""
    sweeps: list[Sweep] = []
    """Departures from the base: a list of values for each key. Lists in one sweep vary
    together."""
    seeds: list[Seed] | None = Field(None, min_length=1)
    """Train every configuration once with each of these seeds, instead of with the base's."""
    cooldowns: list[Quantity] = []
    """Shorter budgets than the base's, for `base.cooldown`. Each run of the design becomes a trunk:
    for each of these budgets a branch takes over its state and cools down. So runs of all budgets
    share what they have in common, and cost little more than the longest."""
    interventions: Annotated[dict[Name, Intervention], DropsNull, AfterValidator(distinct)] = {}
    """Arms of an experiment on W, by a name of yours. The base configuration is trained once more
    under each of them, with all of its seeds; without one it is the control. Other configurations
    are not."""

    @model_validator(mode="after")
    def _arms_in_one_place(self) -> "Design":
        if self.base.arm is not None:
            raise ValueError("base.arm: arms are made from design.interventions")
        if self.interventions and self.cooldowns:
            raise ValueError("interventions: a branch takes over a state in which none was made")
        factored = [n for n, does in self.interventions.items() if does.kind == "factor"]
        if factored and self.base.head_decay is not None:
            raise ValueError(f"interventions.{factored[0]}: factors have no decay of the head")
        return self

    @model_validator(mode="after")
    def _branches_of_a_trunk(self) -> "Design":
        if not self.cooldowns:
            return self
        if self.base.cooldown is None:
            raise ValueError("cooldowns need base.cooldown: {share: ..., warmup: ...}")
        if len(set(self.cooldowns)) < len(self.cooldowns):
            raise ValueError("cooldowns: each once")
        if max(self.cooldowns) >= self.base.tokens:
            raise ValueError(f"cooldowns must be shorter than base.tokens, {self.base.tokens}")
        if any(sweep.tokens for sweep in self.sweeps):
            raise ValueError("cooldowns vary the budget of every run, so no sweep may vary tokens")
        if self.base.late or any(sweep.late for sweep in self.sweeps):
            raise ValueError("cooldowns: a trunk cannot change late, as its branches begin with it")
        return self

    @model_validator(mode="after")
    def _seeds_in_one_place(self) -> "Design":
        if self.seeds is not None:
            if len(set(self.seeds)) < len(self.seeds):
                raise ValueError("seeds: each once")
            if any(sweep.seed for sweep in self.sweeps):
                raise ValueError("seeds repeat all configurations, so no sweep may vary seed")
            if self.base.seed not in self.seeds:
                raise ValueError(f"seeds must hold the base's seed, {self.base.seed}")
        return self


class Save(Section):
    """Which steps of a run become checkpoints."""

    count: int = Field(5, ge=2, le=10_000)
    """Number of checkpoints: step 0, the last step, and log-spaced steps between."""
    first: Annotated[float, Field(gt=0, lt=1)] = 1 / 32
    """The first log-spaced step, as a share of the run."""
    also: dict[str, list[Annotated[int, Field(ge=0)]]] = {}
    """Further steps, by run name or a pattern with * and ?."""
    trainer_state: bool = False
    """Keep optimizer state and data position at every checkpoint, so that adding a step to a
    finished run trains only the segment that leads to it. Takes three times the weights' space."""
