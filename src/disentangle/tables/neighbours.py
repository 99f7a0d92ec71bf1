"""Tables of neighbouring papers' findings."""

from dataclasses import replace

import pyarrow as pa

from disentangle.tables.compression import CHOSEN_TRUNCATIONS, COMPRESSED, COMPRESSION
from disentangle.tables.estimated import CLAIM_TESTS, CLAIMS
from disentangle.tables.evaluation import TOKEN_TRENDS
from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table

CONVERGENCE = Table(
    "convergence",
    "One row per run, layer and part of it: how near the part is, at a fifth of the run's "
    "training, to its state at the end.",
    (
        RUN,
        ("size", TEXT, "Name of the model size"),
        ("params_non_embedding", COUNT, "Weights of the blocks"),
        ("step", COUNT, "Optimizer step of the checkpoint nearest to that share"),
        ("share", NUMBER, "Its share of the run's steps"),
        ("layer", COUNT, "From 1"),
        ("part", TEXT, "attention or mlp"),
        ("cka", NUMBER, "Debiased linear CKA with the same part of the last checkpoint"),
        (
            "weights_per",
            NUMBER,
            "Proportional effective rank of the matrix that writes it: OV circuits, as a mean over "
            "heads, or the MLP's second matrix; null if not measured",
        ),
        ("gradient_per", NUMBER, "The same of that matrix's gradient"),
    ),
)

NEIGHBOURS = replace(
    CLAIMS,
    name="neighbours",
    meaning="One row per finding of a neighbouring paper: whether it holds in this study, by the "
    "same rule for every study.",
)

NEIGHBOUR_TESTS = replace(
    CLAIM_TESTS,
    name="neighbour_tests",
    meaning="One row per test of a neighbouring paper's finding.",
)

MATCHED = Table(
    "matched",
    "One row per run, ID loss and quantity: the quantity where the run first reaches that loss, "
    "interpolated between its checkpoints.",
    (
        RUN,
        ("reached", NUMBER, "Share of the runs that reach the loss"),
        ("loss", NUMBER, "The loss that all are matched at; its unit is that of the ID loss"),
        ("step", NUMBER, "Optimizer step at which it is reached, interpolated"),
        ("quantity", TEXT, "Column of observations: a metric or a score"),
        ("value", NUMBER, "Its value there"),
        (
            "error",
            NUMBER,
            "Root mean square of what interpolation misses at the checkpoints beside it, each left "
            "out; gaps are then twice as wide, so it is rather too large",
        ),
    ),
)

MATCHED_EFFECTS = Table(
    "matched_effects",
    "One row per ID loss, response and training choice: what the choice does to the response at "
    "equal loss, and what it does at the end of training.",
    (
        ("reached", NUMBER, "Share of the runs that reach the loss"),
        ("loss", NUMBER, "The loss that all are matched at"),
        ("response", TEXT, "Column of observations: an effective rank or a score"),
        ("choice", TEXT, "Training choice, or params_non_embedding for size"),
        ("n", COUNT, "Runs that reach the loss"),
        ("rho", NUMBER, "Partial Spearman correlation at equal loss, given the other choices"),
        ("low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("high", NUMBER, "Upper end"),
        ("end_rho", NUMBER, "The same of the same runs' last checkpoints"),
        ("end_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("end_high", NUMBER, "Upper end"),
        ("note", TEXT, "Why there is no value or no interval"),
    ),
)

PLASTICITY = Table(
    "plasticity",
    "One row per run and domain that it was fine-tuned on: the best of its fine-tunings, chosen on "
    "one half of the held-out passages and measured on the other.",
    (
        RUN,
        ("size", TEXT, "Name of the model size"),
        ("params_non_embedding", COUNT, "Weights of the blocks"),
        ("weight_decay", NUMBER, "AdamW's weight decay in training"),
        ("seed", COUNT, "Seed of initialisation and data order"),
        ("domain", TEXT, "Held-out domain of the text that was fine-tuned on"),
        ("targets", COUNT, "Fine-tunings tried, such as one per learning rate"),
        ("chosen", TEXT, "Variant with the lowest loss on the choosing half"),
        ("finetuning_rate", NUMBER, "Its learning rate, as a multiple of the optimizer's"),
        (
            "at_edge",
            pa.bool_(),
            "Whether that is the lowest or highest rate tried, so a better one may lie beyond; "
            "null for fewer than three rates",
        ),
        ("base_loss", NUMBER, "ID loss before fine-tuning, bits per byte"),
        ("before", NUMBER, "Loss on the domain before fine-tuning, bits per byte, testing half"),
        ("after", NUMBER, "The same after the chosen fine-tuning"),
        ("gain", NUMBER, "before - after"),
        ("W_effective_rank_pct", NUMBER, "Effective rank of W before fine-tuning, % of d"),
    ),
)

ORDER_INVERSIONS = Table(
    "order_inversions",
    "One row per domain and pair of runs that differ in weight decay alone: whether fine-tuning "
    "inverts the order of their losses.",
    (
        ("domain", TEXT, "Held-out domain of the text that was fine-tuned on"),
        ("lower_decay", TEXT, "Name of the run with the lower weight decay"),
        ("higher_decay", TEXT, "Name of the other"),
        ("base", NUMBER, "Difference of ID losses before fine-tuning, the other minus it"),
        ("after", NUMBER, "Difference of losses on the domain after the best fine-tuning"),
        (
            "p",
            NUMBER,
            "The larger p of both differences against the noise between seeds, Holm over a "
            "domain's pairs; null without seeds",
        ),
        ("verdict", TEXT, "inverted, kept or undecided"),
    ),
)

TEXT_NOISE = Table(
    "text_noise",
    "One row per run of a study whose training text has noise: does its ID loss rise late?",
    (
        RUN,
        ("size", TEXT, "Name of the model size"),
        ("params_non_embedding", COUNT, "Weights of the blocks"),
        ("token_noise", NUMBER, "Share of the training text's tokens that are random"),
        ("epochs", NUMBER, "Passes over the training text that is read; null if all of it is read"),
        ("degradation", NUMBER, "Last ID loss minus the lowest, bits per byte"),
        ("loss", NUMBER, "The lowest ID loss, bits per byte"),
        ("verdict", TEXT, "saturated, not saturated or undecided, as in the table saturation"),
    ),
)

SCALING_COMPONENTS = Table(
    "scaling_components",
    "One row per principal component and task, of the last checkpoints' task scores: centred, not "
    "scaled, missing scores imputed.",
    (
        ("component", COUNT, "From 1"),
        ("explained", NUMBER, "Share of the scores' variance that it explains"),
        ("explained_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("explained_high", NUMBER, "Upper end"),
        ("models", COUNT, "Models, each with at least half of the scores"),
        ("task", TEXT, "Column of observations: a task's score between 0 and 1"),
        ("loading", NUMBER, "Weight of the task in the component; their squares add up to 1"),
        ("imputed", COUNT, "Models without a score of the task"),
        ("note", TEXT, "Why there is no interval"),
    ),
)

SCALING_PREDICTIONS = Table(
    "scaling_predictions",
    "One row per task, what it is predicted from, and model. Components, of all other tasks, and "
    "links are fitted to the models at or below a cutoff in compute, or up to a date of release.",
    (
        ("task", TEXT, "Column of observations: the score that is predicted"),
        ("predictors", TEXT, "compute; components; or components and rank of W"),
        RUN,
        (
            "family",
            COUNT,
            "Number of the model's size and training choices; the unit of resampling",
        ),
        ("cutoff", TEXT, "What the cutoff is in: compute or released"),
        ("compute", NUMBER, "FLOPs of training; 6 N D where they are not known"),
        ("beyond", pa.bool_(), "Whether the model is beyond the cutoff, so was not fitted to"),
        ("observed", NUMBER, "The score"),
        ("predicted", NUMBER, "What the sigmoid link says of it"),
    ),
)

BY_NAME = {
    table.name: table
    for table in (
        CONVERGENCE,
        MATCHED,
        MATCHED_EFFECTS,
        TOKEN_TRENDS,
        PLASTICITY,
        ORDER_INVERSIONS,
        TEXT_NOISE,
        SCALING_COMPONENTS,
        SCALING_PREDICTIONS,
        COMPRESSED,
        COMPRESSION,
        CHOSEN_TRUNCATIONS,
    )
}
"""Tables of findings, by name."""
