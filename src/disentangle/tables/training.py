"""The table of a run's training."""

from disentangle.tables.table import NUMBER, PLACE, Table

TRAINING = Table(
    "training",
    "One row per optimizer step of a run.",
    (
        *PLACE,
        (
            "loss",
            NUMBER,
            "Sum of the batch's cross-entropies over its number of tokens, nats, as OLMo's trainer "
            "has it: though a sequence's first token is not predicted, it is counted",
        ),
        ("learning_rate", NUMBER, "Learning rate of the step"),
        ("gradient_norm", NUMBER, "Norm of the gradient before clipping"),
        ("seconds", NUMBER, "Wall time of the step; differs from run to run"),
        (
            "head_rank",
            NUMBER,
            "Effective rank of the projected W after the step and its push; null without an arm, "
            "and at steps without a push",
        ),
        ("head_norm", NUMBER, "Frobenius norm of the projected W, likewise"),
        (
            "push",
            NUMBER,
            "Norm of what the push changed in W over the norm of W; 0 where an arm does not push",
        ),
    ),
)
