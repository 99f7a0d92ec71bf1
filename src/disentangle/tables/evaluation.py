"""The tables of the scores of checkpoints."""

import pyarrow as pa

from disentangle.tables.table import COUNT, NUMBER, PLACE, RUN, TEXT, Table

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


TOKEN_TRENDS = Table(
    "token_trends",
    "One row per run and kind of trajectory: the share of held-out tokens whose loss moves so over "
    "the run's checkpoints.",
    (
        RUN,
        (
            "kind",
            TEXT,
            "falls, rises or stagnates after a tenth of training, by the slope on ln step; rises "
            "and falls: the parabola in ln step has its peak within the range",
        ),
        ("share", NUMBER, "Share of the tokens of which this is significant (p < .05)"),
        ("by_chance", NUMBER, "The same if each token's losses were in random order"),
        ("checkpoints", COUNT, "Checkpoints used"),
        ("tokens", COUNT, "Tokens of the id passages that were followed"),
    ),
)
