"""The table of a run's training."""

from disentangle.tables.table import NUMBER, PLACE, Table

TRAINING = Table(
    "training",
    "One row per optimizer step of a run.",
    (
        *PLACE,
        ("loss", NUMBER, "Mean loss over the step's batch, nats per token"),
        ("learning_rate", NUMBER, "Learning rate of the step"),
        ("gradient_norm", NUMBER, "Norm of the gradient before clipping"),
        ("seconds", NUMBER, "Wall time of the step; differs from run to run"),
    ),
)
