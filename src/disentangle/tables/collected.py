"""Tables of a whole study: its checkpoints, their cost, and the observations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pyarrow as pa

from disentangle.tables.meanings import meaning_of
from disentangle.tables.table import (
    COUNT,
    HOW_TRAINED,
    NUMBER,
    PLACE,
    RUN,
    STEPS_OVER_TAU,
    TEXT,
    Table,
)

CHECKPOINTS = Table(
    "checkpoints",
    "One row per checkpoint: its manifest and its run's hyperparameters.",
    (
        *PLACE,
        ("weights_sha256", TEXT, "SHA-256 of model.safetensors"),
        ("rows", COUNT, "Vocabulary rows in use; the weights may have more, as padding"),
        ("dim", COUNT, "Width of the model"),
        ("tied", pa.bool_(), "Whether the unembedding is the embedding"),
        ("dtype", TEXT, "Type of the stored weights"),
        (
            "train_loss",
            NUMBER,
            "Loss of the step, as in the training table; null at step 0",
        ),
        ("probe_loss", NUMBER, "Loss on the checkpoint's probe tokens, nats per token"),
        ("source", TEXT, "Where the checkpoint is from"),
        ("code_version", TEXT, "Hash of the code that made it"),
        ("final", pa.bool_(), "Whether it is the run's last planned checkpoint"),
        ("status", TEXT, "Status of the run: complete or diverged"),
        ("device", TEXT, "Where the run was trained: cpu or cuda"),
        *HOW_TRAINED,
        STEPS_OVER_TAU,
    ),
)


REGIME = Table(
    "regime",
    "One row per run that is trained here: dimensionless numbers that say how far training went "
    "from initialisation.",
    (
        RUN,
        ("size", TEXT, "Name of the model size"),
        ("tokens_per_weight", NUMBER, "Training tokens per weight of the blocks"),
        (
            "steps_over_tau",
            NUMBER,
            "Steps over AdamW's memory: the sum of learning rate x weight decay over the schedule",
        ),
        ("warmup_share", NUMBER, "Share of the steps in which the learning rate rises"),
        ("epochs", NUMBER, "Training tokens over tokens of the text"),
        ("rows_per_dimension", NUMBER, "Vocabulary rows per dimension, V / d"),
    ),
)


OBSERVATIONS = Table(
    "observations",
    "One row per checkpoint and variant, with geometry and scores side by side. Metrics of W are "
    "named W_<metric>, of H on the id domain H_<metric>, of H on another domain "
    "H_<domain>_<metric>, and those of other matrices likewise. Scores are <domain>_loss, "
    "<domain>_bits_per_byte and <task>_<metric>; "
    "the standard error, if there is one, is <score>_stderr. A perturbed checkpoint has the "
    "geometry of the checkpoint that it was made from, and <domain>_bits_per_byte_change: its loss "
    "minus that checkpoint's loss, with its standard error passage by passage.",
    (
        *PLACE,
        ("variant", TEXT, "base, or how the checkpoint was perturbed"),
        ("final", pa.bool_(), "Whether it is the run's last planned checkpoint"),
        ("status", TEXT, "Status of the run: complete or diverged"),
        *HOW_TRAINED,
        STEPS_OVER_TAU,
        ("compute", NUMBER, "Training FLOPs so far: 6 (blocks + head) tokens"),
        ("released", NUMBER, "Date of release in years, such as 2023.25; null if unknown"),
    ),
    further=meaning_of,
)


def observations_table(own: Mapping[str, str]) -> Table:
    """The observations table of a study with the user's own metrics (name to meaning)."""
    return replace(OBSERVATIONS, further=partial(meaning_of, own=own))


MISSING = Table(
    "missing",
    "Expected checkpoints and measurements that are missing, and why.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint"),
        (
            "stage",
            TEXT,
            "What is missing: the checkpoint, a variant of it, or a measurement (geometry; "
            "evaluation of a task, of a variant)",
        ),
        (
            "state",
            TEXT,
            "diverged; quarantined, if it failed its checks; or not there",
        ),
        ("reason", TEXT, "Why"),
    ),
)


ANOMALIES = Table(
    "anomalies",
    "Checkpoints that were measured but look odd. They are not excluded.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint"),
        (
            "anomaly",
            TEXT,
            "duplicate; outlier (by 5 standard errors); stranger to the text (loss on the probe "
            "above 1.2 ln(rows)); or no better than a guess (above 0.99 ln(rows) at the last "
            "checkpoint)",
        ),
        ("evidence", TEXT, "What is odd, with numbers"),
    ),
)


PLAN = Table(
    "plan",
    "One row per model size: the cost of the study's training, and how much is done.",
    (
        ("size", TEXT, "Name of the model size"),
        ("params_non_embedding", COUNT, "Weights of the blocks"),
        ("params_embedding", COUNT, "Weights of embedding and, if untied, unembedding"),
        ("runs", COUNT, "Runs of this size"),
        ("runs_done", COUNT, "Of these, runs that have all checkpoints or diverged"),
        ("runs_to_extend", COUNT, "Runs that lack some of their checkpoints"),
        ("runs_to_train", COUNT, "Runs that have no checkpoints"),
        ("runs_in_conflict", COUNT, "Runs whose folder was begun with other settings"),
        ("checkpoints", COUNT, "Checkpoints planned"),
        ("checkpoints_missing", COUNT, "Of these, checkpoints still to be made"),
        ("tokens", COUNT, "Training tokens of all runs, without fine-tuning"),
        ("flops", NUMBER, "FLOPs of training and fine-tuning, head included: 6 (N + V d) D"),
        ("gpu_hours", NUMBER, "Hours this takes at execution.flops_per_second"),
        ("gpu_hours_left", NUMBER, "Of these, hours still to come"),
        (
            "measured_flops_per_second",
            NUMBER,
            "Throughput reached in training this size; median over runs",
        ),
        ("disk_bytes", COUNT, "Bytes of all checkpoints' weights and of kept trainer state"),
    ),
)


COSTS = Table(
    "costs",
    "One row per job that ran, with its costs. Unlike the other tables, it differs between "
    "repeated runs.",
    (
        ("rule", TEXT, "Rule of the workflow"),
        ("job", TEXT, "Its wildcard: a cohort of runs, or a domain; empty if there is none"),
        ("wall_seconds", NUMBER, "Wall time from start to end"),
        ("cpu_seconds", NUMBER, "User and system time, children included"),
        ("gpu_seconds", NUMBER, "Wall time on a GPU; 0 without a GPU"),
        ("max_rss_mb", NUMBER, "Peak memory, MiB"),
    ),
)
