"""Tables of compression: what it leaves of the weights, what it costs, and what was chosen."""

from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table

VARIANT = ("variant", TEXT, "gptq-<bits>bit, truncated-<name> or pruned-<per cent>")

LEFT = Table(
    "compression",
    "One row per run, and per truncation or pruning of its last checkpoint.",
    (
        RUN,
        ("step", COUNT, "Optimizer step of the checkpoint that was compressed"),
        VARIANT,
        ("method", TEXT, "svd, cp, tucker, or magnitude: of pruning"),
        (
            "matrices",
            TEXT,
            "W, or matrices of layers; one stack: a tensor of all layers",
        ),
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
