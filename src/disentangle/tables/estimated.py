"""Tables of what follows from the observations."""

import pyarrow as pa

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
        ("residual_q", NUMBER, "Benjamini-Hochberg q of residual_p over the outcome's metrics"),
        ("within_rho", NUMBER, "Spearman of deviations from the mean of a cell's repeats"),
        ("within_low", NUMBER, "Lower end of its 95 % interval (Fisher's z)"),
        ("within_high", NUMBER, "Upper end"),
        ("within_p", NUMBER, "p by permutation within cells: exact, whatever training does"),
        ("within_n", NUMBER, "Runs in cells that are repeated with another seed"),
        ("within_q", NUMBER, "Benjamini-Hochberg q of within_p over the outcome's metrics"),
        ("clustered_coef", NUMBER, "Standardised slope beside the full design"),
        ("clustered_se", NUMBER, "Its standard error, runs of a cell taken as dependent"),
        ("clustered_p", NUMBER, "p of no slope"),
        ("delta_r2", NUMBER, "Held-out R^2 gained over size, compute and tokens"),
        (
            "delta_r2_low",
            NUMBER,
            "Lower end of its 95 % bootstrap interval; null where a fit breaks down",
        ),
        ("delta_r2_high", NUMBER, "Upper end"),
        (
            "delta_r2_design",
            NUMBER,
            "Share of what all training choices leave unexplained that the metric explains: "
            "squared partial correlation beside the full design, adjusted for degrees of freedom",
        ),
        ("delta_r2_design_low", NUMBER, "Lower end of its 95 % interval (Fisher's z, squared)"),
        ("delta_r2_design_high", NUMBER, "Upper end"),
        ("mixed_coef", NUMBER, "Standardised coefficient with random intercepts by size"),
        ("mixed_se", NUMBER, "Its standard error"),
        ("mixed_run_coef", NUMBER, "Standardised slope within runs, over their checkpoints"),
        ("mixed_run_se", NUMBER, "Its standard error, checkpoints of a run taken as dependent"),
        ("mixed_run_n", COUNT, "Checkpoints it rests on"),
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

CLAIMS = Table(
    "claims",
    "One row per finding of the paper: whether it holds in this study, by a rule that is the same "
    "for every study.",
    (
        ("claim", COUNT, "Its number in the ledger"),
        ("statement", TEXT, "What is claimed"),
        ("test", TEXT, "The test that decides it: the first that fails, or else is undecided"),
        ("quantity", TEXT, "What that test estimates"),
        ("expected", TEXT, "Holds if: where that test's whole 95 % interval must lie"),
        ("fails_if", TEXT, "Where the whole interval must lie for it to fail, if it does not hold"),
        ("observed", NUMBER, "What that test found"),
        ("interval", TEXT, "Its 95 % interval"),
        ("n", COUNT, "Runs it rests on"),
        (
            "verdict",
            TEXT,
            "holds (every test that decides does), fails (one does), or undecided",
        ),
        ("tests", COUNT, "Tests that decide the claim"),
        ("tests_holding", COUNT, "Of these, how many hold"),
        (
            "runs_to_decide",
            NUMBER,
            "Runs of this design that would about decide it, if the estimate stayed where it is",
        ),
        ("evidence", TEXT, "Table and filter (a pandas query) of the rows behind it"),
        ("note", TEXT, "Examples by name, or why there is no figure"),
    ),
)

CLAIM_TESTS = Table(
    "claim_tests",
    "One row per test of a claim.",
    (
        ("claim", COUNT, "Number of the claim"),
        ("part", TEXT, "Which of its tests"),
        ("quantity", TEXT, "What is estimated"),
        ("expected", TEXT, "Holds if: where the whole 95 % interval must lie"),
        ("fails_if", TEXT, "Where the whole interval must lie for it to fail, if it does not hold"),
        ("observed", NUMBER, "Estimate, in the statistic's own unit"),
        ("low", NUMBER, "Lower end of its 95 % interval; of a count, what was found"),
        ("high", NUMBER, "Upper end; of a count, with all that are undecided"),
        ("n", COUNT, "Runs it rests on"),
        ("verdict", TEXT, "holds, fails or undecided"),
        ("decides", pa.bool_(), "Whether the claim's verdict goes by it; else it is only shown"),
        (
            "runs_to_decide",
            NUMBER,
            "Runs of this design that would about decide it, if the estimate stayed where it is",
        ),
        ("table", TEXT, "Table the estimate is from"),
        ("filter", TEXT, "Its rows, as a pandas query"),
        ("note", TEXT, "Examples by name, or why there is no figure"),
    ),
)


CALIBRATION = Table(
    "calibration",
    "One row per data-generating process, planted effect and estimator: what the estimator finds "
    "in simulated studies of this design, where the truth is known.",
    (
        ("process", TEXT, "What training does to metric and outcome, and which runs are seen"),
        (
            "planted_rho",
            NUMBER,
            "Correlation of the noises, before any is given heavy tails; 0: none",
        ),
        ("estimator", TEXT, "Which; see docs/statistics.md"),
        ("n", COUNT, "Runs of the design"),
        ("studies", COUNT, "Simulated studies it was asked of"),
        ("answered", COUNT, "Of these, how many it gave an answer to"),
        ("kind", TEXT, "What `found` is: false positives or power"),
        ("found", NUMBER, "Share of answers that call the association real at 5 %"),
        ("found_low", NUMBER, "Lower end of its 95 % Monte Carlo interval (Wilson)"),
        ("found_high", NUMBER, "Upper end"),
        ("truth", NUMBER, "Spearman correlation of the noises: what a correlation estimates"),
        ("bias", NUMBER, "Mean estimate minus that; null for what is no correlation"),
        ("intervals", COUNT, "95 % intervals that were made"),
        ("coverage", NUMBER, "Share of them that hold the truth"),
        ("coverage_low", NUMBER, "Lower end of its 95 % Monte Carlo interval"),
        ("coverage_high", NUMBER, "Upper end"),
    ),
)


def _estimate(name: str, meaning: str) -> tuple[tuple[str, pa.DataType, str], ...]:
    return (
        (name, NUMBER, meaning),
        (f"{name}_low", NUMBER, "Lower end of its 95 % interval"),
        (f"{name}_high", NUMBER, "Upper end"),
    )


AGREEMENT = Table(
    "agreement",
    "One row per pair of metrics, over the final checkpoints as trained: do they rank the models "
    "alike?",
    (
        ("metric_a", TEXT, "Column of observations"),
        ("metric_b", TEXT, "Another"),
        ("n", COUNT, "Runs that have all metrics of the table"),
        *_estimate("rho", "Spearman correlation; BCa bootstrap over cells"),
        ("residual_rho", NUMBER, "The same of what the design leaves of both"),
        ("cluster_a", COUNT, "Cluster of the first metric; 0: the same for all models"),
        ("cluster_b", COUNT, "Cluster of the second"),
    ),
)


EFFECTS = Table(
    "effects",
    "One row per training choice that varies and response, over the final checkpoints as trained: "
    "what it does, all else equal.",
    (
        ("choice", TEXT, "Training choice"),
        ("along", TEXT, "Choice that the design varies with it; empty: none"),
        ("response", TEXT, "Column of observations"),
        ("per", TEXT, "What slopes are per: doubling, or unit of a choice that may be zero"),
        ("n", COUNT, "Runs that differ in the choice alone from another"),
        *_estimate("slope", "Slope, the same for all sizes"),
        ("p", NUMBER, "p of no slope"),
        ("q", NUMBER, "Benjamini-Hochberg q of it over the rows of this table"),
        ("bend_p", NUMBER, "p of no U of either kind: the larger one of the slopes at the ends"),
        ("bend_q", NUMBER, "Benjamini-Hochberg q of it over the rows of this table"),
        (
            "shape",
            TEXT,
            "U or inverted U (bend_q < 0.05), else rises or falls (q < 0.05), else no clear shape",
        ),
        *_estimate("at_lowest", "Slope of a parabola at the lowest value"),
        *_estimate("at_highest", "Slope of a parabola at the highest value"),
        ("over_size", TEXT, "same sign, sign changes, or undecided"),
        *_estimate("at_smallest", "Slope at the smallest model, changing evenly in log size"),
        *_estimate("at_largest", "Slope at the largest model"),
        ("note", TEXT, "Why a figure is missing"),
    ),
)


NOISE = Table(
    "noise",
    "One row per metric and loss, over the final checkpoints as trained: what another seed "
    "changes.",
    (
        ("column", TEXT, "Column of observations"),
        ("n", COUNT, "Runs that have it"),
        ("cells", COUNT, "Cells of the design: size and training choices"),
        ("cells_repeated", COUNT, "Of these, with more than one seed"),
        ("df_within", COUNT, "Degrees of freedom of the noise"),
        ("sd_within", NUMBER, "Standard deviation between seeds, in the column's unit"),
        ("sd_between", NUMBER, "Standard deviation between cells, that of seeds taken out"),
        *_estimate("icc", "Share of the variance that is between cells"),
        ("least_difference", NUMBER, "Two runs that differ by less may differ in their seed only"),
    ),
)


COUNTEREXAMPLES = Table(
    "counterexamples",
    "Runs that a simple story of rank and loss does not allow, by name.",
    (
        ("kind", TEXT, "high rank, high loss; or low rank, not saturated"),
        RUN,
        ("outcome", TEXT, "Loss, a column of observations"),
        ("metric", TEXT, "Rank, a column of observations"),
        ("rank", NUMBER, "Its value"),
        ("rank_quantile", NUMBER, "Share of the runs with no higher rank"),
        ("loss", NUMBER, "Loss at the end"),
        ("above_median", NUMBER, "Minus the median loss of all runs"),
        ("margin", NUMBER, "By how much it had to be above: two standard deviations of seeds"),
    ),
)
