"""The kind of a table, and columns that several tables share."""

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from disentangle.tables.version import VERSION

TEXT, COUNT, NUMBER = pa.string(), pa.int64(), pa.float64()


@dataclass(frozen=True)
class Table:
    """A kind of table."""

    name: str
    meaning: str
    columns: tuple[tuple[str, pa.DataType, str], ...]
    """Name, type, and meaning with its unit."""
    further: Callable[[str], str] | None = None
    """Gives the meaning of a further column of floats by its name, which comes from the study's own
    domains and tasks. None if the table has no further columns."""

    @property
    def schema(self) -> pa.Schema:
        """The arrow schema, with each column's meaning as its metadata."""
        fields = [
            pa.field(name, kind, metadata={"meaning": meaning})
            for name, kind, meaning in self.columns
        ]
        about = {"table": self.name, "version": VERSION, "meaning": self.meaning}
        return pa.schema(fields, metadata=about)


RUN = ("run", TEXT, "Name of the run: its size and hyperparameters")


PLACE = (
    RUN,
    ("step", COUNT, "Optimizer step of the checkpoint"),
    ("tokens", COUNT, "Training tokens seen up to that step; null if unknown"),
)


STEPS_OVER_TAU = (
    "steps_over_tau",
    NUMBER,
    "Steps over AdamW's memory so far: the sum of learning rate x weight decay; null if unknown",
)


HOW_TRAINED = (
    ("size", TEXT, "Name of the model size"),
    ("params_non_embedding", COUNT, "Weights of the blocks"),
    (
        "params_embedding",
        COUNT,
        "Weights of embedding and, if untied, unembedding; position embeddings are in neither",
    ),
    ("configuration", TEXT, "The hyperparameters without size and seed; repeats share it"),
    ("tokens_budget", COUNT, "Training budget of the run, tokens"),
    ("batch_size", COUNT, "Sequences per optimizer step"),
    ("weight_decay", NUMBER, "AdamW's decoupled weight decay"),
    ("learning_rate", NUMBER, "Peak learning rate"),
    ("learning_rate_multiple", NUMBER, "Peak learning rate over the study's default"),
    ("final_lr", NUMBER, "Final learning rate as a share of the peak"),
    (
        "beta2_steps",
        NUMBER,
        "AdamW's memory of squared gradients, 1 / (1 - beta2), steps",
    ),
    ("head_decay", NUMBER, "Weight decay of the head as a multiple of the other matrices'"),
    (
        "cooldown",
        NUMBER,
        "Share of the run in which a constant learning rate falls; 0: a cosine",
    ),
    ("text_tokens", COUNT, "Tokens of the training text that are read; 0: all"),
    ("token_noise", NUMBER, "Share of the training text's tokens that are random; 0: none"),
    ("late", TEXT, "What changed late in the run, and after which share of it; empty: nothing"),
    ("arm", TEXT, "Arm of an experiment on W; empty: the control, or no experiment"),
    ("intervention", TEXT, "What is done to W in that arm; empty: nothing"),
    (
        "dose",
        NUMBER,
        "How much of it: the target of R / d, the norm, the size of a push; null: nothing is done",
    ),
    ("seed", COUNT, "Seed of initialisation and data order"),
    ("init_seed", COUNT, "Seed of the initialisation"),
    ("data_seed", COUNT, "Seed of the order of the data"),
)


COVARIATES = tuple(name for name, *_ in HOW_TRAINED)
"""Columns that say how a run was trained."""
