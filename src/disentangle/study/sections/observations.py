"""Observations that were made elsewhere, in place of training and measuring."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from disentangle.study.sections.section import Name, Section

CHOICES = ("tokens_budget", "batch_size", "weight_decay", "learning_rate", "final_lr")
"""Training choices: each must be a column, or the same for all rows, or said not to be known."""

OPTIONAL_CHOICES = ("beta2_steps", "head_decay", "cooldown", "text_tokens", "token_noise")
"""Training choices that most suites do not vary. Where nothing is said of one, a run has it as most
runs of its suite have."""

SEEDS = ("seed", "init_seed", "data_seed")

PLACES = ("run", "step", "tokens", "variant", "final", "status")
WEIGHTS = ("params_non_embedding", "params_embedding")
KNOWN = (
    *(*PLACES, "size", *WEIGHTS, *CHOICES, "learning_rate_multiple"),
    *(*OPTIONAL_CHOICES, "late", "arm", "intervention", "dose", *SEEDS),
    *("compute", "released", "steps_over_tau"),
)
"""Names of columns that are neither a metric nor a score."""

WORKED_OUT = ("configuration",)
"""Columns of the observations that follow from others."""

_SCORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,+-]*_[A-Za-z0-9._,+-]+")


class Column(Section):
    """A column of the file, and what brings its numbers to our unit."""

    column: str = Field(min_length=1)
    times: float = Field(1, gt=0)
    """Factor: 1.0e+9 if the file counts in billions, 100 if it has fractions for percentages."""


def _column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class Reading(Section):
    """How an external table is read."""

    columns: dict[
        str, Annotated[Column, BeforeValidator(_column, json_schema_input_type=str | Column)]
    ] = {}
    """Our name of a column to the file's name. Columns with our names need not be listed."""
    fixed: dict[str, float | None] = {}
    """Training choices that are the same for all rows; null: unknown, so never controlled for."""
    leave_out: list[str] = []
    """Columns to ignore, by our names."""
    missing: Literal["refuse", "list"] = "refuse"
    """What to do if only some models have a metric or score: refuse the table, or list the others
    as missing and leave each out of the estimates that need the value."""
    finetuned: dict[Name, Name] = {}
    """Name of a fine-tuned variant to the domain it was fine-tuned on."""

    @field_validator("columns")
    @classmethod
    def _are_ours(cls, value: dict[str, Column]) -> dict[str, Column]:
        for name in value:
            if name in WORKED_OUT:
                raise ValueError(f"{name} is worked out from other columns")
            if name not in KNOWN and not _SCORE.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no column of ours: those are {', '.join(KNOWN)}, metrics as "
                    "W_<metric> or H_<metric>, and scores as <domain>_bits_per_byte, "
                    "<task>_<metric> or, for its standard error, <score>_stderr"
                )
        return value

    @field_validator("fixed")
    @classmethod
    def _are_choices(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        if unknown := sorted(value.keys() - {*CHOICES, *OPTIONAL_CHOICES, *SEEDS}):
            raise ValueError(f"{', '.join(unknown)} is no training choice: {', '.join(CHOICES)}")
        return value

    @model_validator(mode="after")
    def _said_once(self) -> "Reading":
        if both := sorted(self.fixed.keys() & self.columns.keys()):
            raise ValueError(f"{', '.join(both)}: either a column or fixed, not both")
        return self


class Observations(Reading):
    """A table of models that others trained, measured and evaluated."""

    file: str = Field(pattern=r"\.(csv|tsv|parquet)$")
    """CSV (comma), TSV (tab) or parquet; relative to where the workflow runs."""
