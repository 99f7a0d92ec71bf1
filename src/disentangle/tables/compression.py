"""Tables of compression: what it leaves of the weights, what it costs, and what was chosen."""

from dataclasses import replace

import pyarrow as pa

from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table

VARIANT = ("variant", TEXT, "gptq-<bits>bit, truncated-<name> or pruned-<per cent>")

LEFT = Table(
    "compressed",
    "One row per run, and per truncation or pruning of its last checkpoint.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint that was compressed"),
        VARIANT,
        ("method", TEXT, "gptq; svd, cp or tucker; or magnitude, of pruning"),
        ("strength", TEXT, "As the study has it: rank 0.5, energy 0.9, sparsity 0.8, bits 3"),
        ("matrices", TEXT, "W, or matrices of layers; one stack: a tensor of all layers"),
        ("layers", TEXT, "all, or their numbers from 0, -1 for the last; empty for W"),
        (
            "kept",
            NUMBER,
            "Truncation: the rank that was kept, as a share of the most that there can be. "
            "Pruning: the share of the weights that were kept. Mean over matrices or tensors",
        ),
        (
            "numbers",
            NUMBER,
            "Numbers that now describe the matrices, as a share of their weights; above 1 where "
            "factors hold more. Where the weights left are is not counted",
        ),
        (
            "energy",
            NUMBER,
            "1 minus the sum of squares of what was taken away, as a share of the weights' own",
        ),
        (
            "rank_pct",
            NUMBER,
            "Effective rank of the matrices before, per cent of min(n, d), mean over matrices",
        ),
    ),
)
"""What is measured of the weights, a file per cohort."""

_RUN, _STEP, _VARIANT, *_OF_WEIGHTS = LEFT.columns

COMPRESSED = replace(
    LEFT,
    meaning="One row per run and compression of its last checkpoint, quantization included: what "
    "is left of the weights, and the loss that is added. Of quantization only the latter is known.",
    columns=(
        _RUN,
        ("size", TEXT, "Name of the model size"),
        _STEP,
        _VARIANT,
        ("kind", TEXT, "quantized, truncated or pruned"),
        *_OF_WEIGHTS,
        ("added", NUMBER, "ID loss minus that of the checkpoint as trained, in the loss's unit"),
        ("added_stderr", NUMBER, "Standard error of that difference, passage by passage"),
    ),
)


def _estimate(name: str, meaning: str) -> tuple[tuple[str, pa.DataType, str], ...]:
    return (
        (name, NUMBER, meaning),
        (f"{name}_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        (f"{name}_high", NUMBER, "Upper end"),
    )


COMPRESSION = Table(
    "compression",
    "One row per way to compress, and per rank: the effective rank before beside the loss that "
    "compression adds, over runs.",
    (
        ("kind", TEXT, "quantized, truncated or pruned"),
        VARIANT,
        *_OF_WEIGHTS[:4],
        ("kept", NUMBER, "Of the table compressed, mean over runs"),
        ("numbers", NUMBER, "The same"),
        ("energy", NUMBER, "The same"),
        ("added", NUMBER, "Loss added, mean over runs"),
        ("rank_of", TEXT, "W; or matrices: mean over those that are compressed"),
        ("n", COUNT, "Runs that have both"),
        *_estimate("rho", "Spearman correlation of effective rank and loss added"),
        *_estimate("partial", "The same given the ranked training choices"),
        *_estimate("residual", "The same of residuals on the design, with size interactions"),
        ("note", TEXT, "Why a value or an interval is missing"),
    ),
)

CHOSEN_TRUNCATIONS = Table(
    "chosen_truncations",
    "One row per run that was truncated: the truncation with the lowest loss on a fifth of the ID "
    "passages, tested on the others. Losses minus those of the checkpoint as trained, bits per "
    "byte.",
    (
        RUN,
        ("size", TEXT, "Name of the model size"),
        ("candidates", COUNT, "Truncations to choose from"),
        ("variant", TEXT, "The one that was chosen"),
        ("passages_chosen_on", COUNT, "Passages that it was chosen on"),
        ("passages_tested_on", COUNT, "Passages that it was tested on"),
        ("added_chosen", NUMBER, "Loss added on those it was chosen on; too low by the choice"),
        ("added", NUMBER, "Loss added on those it was tested on"),
        ("added_stderr", NUMBER, "Its standard error, passage by passage"),
        ("added_low", NUMBER, "Lower end of its 95 % interval, by t over passages"),
        ("added_high", NUMBER, "Upper end"),
    ),
)
