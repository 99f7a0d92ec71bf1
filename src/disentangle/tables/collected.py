"""Tables of a whole study: what there is, what it took, what was observed."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pyarrow as pa

from disentangle.tables.meanings import meaning_of
from disentangle.tables.table import COUNT, HOW_TRAINED, NUMBER, PLACE, RUN, TEXT, Table

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
        ("train_loss", NUMBER, "Loss of the step's training batch, nats per token; null at step 0"),
        ("probe_loss", NUMBER, "Loss on the checkpoint's probe tokens, nats per token"),
        ("source", TEXT, "Where the checkpoint is from"),
        ("code_version", TEXT, "Hash of the code that made it"),
        ("final", pa.bool_(), "Whether it is the run's last planned checkpoint"),
        ("status", TEXT, "Of the run: complete or diverged"),
        ("device", TEXT, "Where the run was trained: cpu or cuda"),
        *HOW_TRAINED,
    ),
)


OBSERVATIONS = Table(
    "observations",
    "One row per checkpoint and variant, geometry and scores side by side. Metrics of W are "
    "W_<metric>, of H on the id domain H_<metric>, of H on another domain H_<domain>_<metric>; "
    "scores are <domain>_loss, <domain>_bits_per_byte and <task>_<metric>, each with its standard "
    "error as <score>_stderr where it has one. A perturbed checkpoint has the geometry of the one "
    "it was made from, and <domain>_bits_per_byte_change: its loss minus that one's.",
    (
        *PLACE,
        ("variant", TEXT, "base, or how the checkpoint was perturbed"),
        ("final", pa.bool_(), "Whether it is the run's last planned checkpoint"),
        ("status", TEXT, "Of the run: complete or diverged"),
        *HOW_TRAINED,
        ("compute", NUMBER, "Training FLOPs so far: 6 (blocks + head) tokens"),
    ),
    further=meaning_of,
)


def observations_table(own: Mapping[str, str]) -> Table:
    """The observations of a study with metrics of its own: name to meaning."""
    return replace(OBSERVATIONS, further=partial(meaning_of, own=own))


MISSING = Table(
    "missing",
    "Expected cells that are absent, and why.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint"),
        (
            "stage",
            TEXT,
            "What is absent: checkpoint, the variant to be made of it, or what was to be measured "
            "(geometry; evaluation of a task, of a variant)",
        ),
        (
            "state",
            TEXT,
            "diverged; quarantined, if what is there cannot be measured; or not there",
        ),
        ("reason", TEXT, "Why"),
    ),
)


ANOMALIES = Table(
    "anomalies",
    "Checkpoints that were measured and look odd. Nothing is left out for it.",
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
        ("evidence", TEXT, "What is odd, with the figures"),
    ),
)


PLAN = Table(
    "plan",
    "One row per model size: what the study's training costs, and what of it is done.",
    (
        ("size", TEXT, "Name of the model size"),
        ("params_non_embedding", COUNT, "Weights of the blocks"),
        ("params_embedding", COUNT, "Weights of embedding and, if untied, unembedding"),
        ("runs", COUNT, "Runs of this size"),
        ("runs_done", COUNT, "Of these, runs that have all checkpoints, or diverged"),
        ("runs_to_extend", COUNT, "Runs that lack some of their checkpoints"),
        ("runs_to_train", COUNT, "Runs that have none"),
        ("runs_in_conflict", COUNT, "Runs whose folder was begun with other settings"),
        ("checkpoints", COUNT, "Checkpoints planned"),
        ("checkpoints_missing", COUNT, "Of these, checkpoints still to be made"),
        ("tokens", COUNT, "Training tokens of all runs, fine-tuning left out"),
        ("flops", NUMBER, "Operations of training and fine-tuning: 6 (N + V d) D, head counted"),
        ("gpu_hours", NUMBER, "Hours that takes at execution.flops_per_second"),
        ("gpu_hours_left", NUMBER, "Of these, hours still to come"),
        (
            "measured_flops_per_second",
            NUMBER,
            "What training of this size reached where it was trained; the runs' median",
        ),
        ("disk_bytes", COUNT, "Weights of all checkpoints, and kept trainer state"),
    ),
)


COSTS = Table(
    "costs",
    "One row per job that ran: what it took. Differs from run to run, unlike the other tables.",
    (
        ("rule", TEXT, "Rule of the workflow"),
        ("job", TEXT, "Its wildcard: a cohort of runs, or a domain; empty where there is none"),
        ("wall_seconds", NUMBER, "From start to end"),
        ("cpu_seconds", NUMBER, "User and system time, children included"),
        ("gpu_seconds", NUMBER, "Wall time on a GPU; 0 where there is none"),
        ("max_rss_mb", NUMBER, "Peak memory, MiB"),
    ),
)
