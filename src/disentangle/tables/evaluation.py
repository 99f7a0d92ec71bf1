"""The tables of the scores of checkpoints."""

import pyarrow as pa

from disentangle.tables.table import COUNT, NUMBER, PLACE, TEXT, Table

EVALUATION = Table(
    "evaluation",
    "One row per checkpoint, variant, task and metric.",
    (
        *PLACE,
        ("variant", TEXT, "base, or how the checkpoint was perturbed before evaluation"),
        ("task", TEXT, "heldout_<domain>, or the name of a task of the harness"),
        ("metric", TEXT, "loss (nats per token), bits_per_byte, acc, acc_norm, ..."),
        ("value", NUMBER, "The score, in the metric's unit"),
        ("stderr", NUMBER, "Standard error over passages or documents"),
        ("n", COUNT, "Passages or documents"),
        ("numerics", TEXT, "JSON: batch size, types, length, device, library versions"),
    ),
)


PASSAGES = Table(
    "passages",
    "One row per checkpoint, variant and held-out domain: the loss of each passage. Differences "
    "between losses are taken passage by passage, which gives them a far smaller error.",
    (
        *PLACE,
        ("variant", TEXT, "base, or how the checkpoint was perturbed before evaluation"),
        ("domain", TEXT, "Held-out domain"),
        ("bits", pa.list_(pa.float32()), "Negative log-likelihood of each passage, bits"),
        ("bytes", pa.list_(pa.int32()), "UTF-8 bytes of each passage"),
    ),
)
