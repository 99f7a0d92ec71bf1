"""Tables of what follows from the observations."""

from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table

ASSOCIATIONS = Table(
    "associations",
    "One row per variant, outcome and metric, over the final checkpoints.",
    (
        ("variant", TEXT, "base, or how the checkpoints were perturbed"),
        ("outcome", TEXT, "Column of observations that is to be explained"),
        ("metric", TEXT, "Column of observations that might explain it"),
        ("n", COUNT, "Runs with both"),
        ("rho", NUMBER, "Spearman correlation"),
        ("rho_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("rho_high", NUMBER, "Upper end"),
        ("rho_p", NUMBER, "p of no association"),
        ("partial_rho", NUMBER, "The paper's partial Spearman: ranks, hyperparameters out"),
        ("partial_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("partial_high", NUMBER, "Upper end"),
        ("partial_p", NUMBER, "p of no partial association; trusts additivity of ranks"),
        ("partial_q", NUMBER, "Benjamini-Hochberg q of partial_p over the outcome's metrics"),
        ("residual_rho", NUMBER, "Spearman of what the design (with size interactions) leaves"),
        ("residual_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("residual_high", NUMBER, "Upper end"),
        ("residual_p", NUMBER, "p of no association, degrees of freedom corrected"),
        ("residual_df", NUMBER, "Residual degrees of freedom it rests on"),
        ("delta_r2", NUMBER, "Held-out R^2 gained over size, compute and tokens"),
        ("delta_r2_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("delta_r2_high", NUMBER, "Upper end"),
        ("mixed_coef", NUMBER, "Standardised coefficient with random intercepts by size"),
        ("mixed_se", NUMBER, "Its standard error"),
        ("controls", TEXT, "Hyperparameters the partial correlation controls for"),
        ("note", TEXT, "Why a figure is missing"),
    ),
)


REGRESSIONS = Table(
    "regressions",
    "One row per outcome, metric, model and fold of the cross-validation.",
    (
        ("variant", TEXT, "base, or how the checkpoints were perturbed"),
        ("outcome", TEXT, "Column of observations that is predicted"),
        ("metric", TEXT, "Column of observations that is added to the baseline"),
        ("model", TEXT, "baseline, or baseline + metric"),
        ("fold", COUNT, "Fold; whole configurations are left out together"),
        ("n_train", COUNT, "Runs fitted on"),
        ("n_test", COUNT, "Runs predicted"),
        ("r2", NUMBER, "R^2 on the fold's left-out runs; null for a single one"),
        ("pooled_r2", NUMBER, "R^2 of all folds' predictions together"),
    ),
)


SATURATION = Table(
    "saturation",
    "One row per run and loss, or task asked of every checkpoint: does it get worse late in "
    "training, and does the rank of W fall before? A score of which more is better is turned.",
    (
        RUN,
        ("outcome", TEXT, "What is judged: a held-out loss in bits per byte, or a task's score"),
        ("checkpoints", COUNT, "Checkpoints after step 0 that it is judged by"),
        ("best_step", COUNT, "Step of the lowest loss"),
        ("last_step", COUNT, "Last step"),
        ("degradation", NUMBER, "Last value minus the best, turned so that worse is positive"),
        ("degradation_low", NUMBER, "Lower 95 % bound of it, errors taken as independent"),
        ("degradation_high", NUMBER, "Upper 95 % bound of the rise from any earlier checkpoint"),
        ("p", NUMBER, "Share of never-rising curves with this noise that end as far above"),
        (
            "verdict",
            TEXT,
            "saturated (p < 0.05), not saturated (upper bound below the tolerance), or undecided",
        ),
        ("rank_peak_step", COUNT, "Step at which W has its highest effective rank"),
        ("rank_fall", NUMBER, "Share of that peak which is lost at the last step"),
        ("rank_order", TEXT, "Whether the rank peaks before, with or after the lowest loss"),
    ),
)
