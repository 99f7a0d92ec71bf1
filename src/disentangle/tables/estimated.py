"""Tables that are estimated from the observations."""

import pyarrow as pa

from disentangle.tables.table import COUNT, NUMBER, RUN, TEXT, Table

ASSOCIATIONS = Table(
    "associations",
    "One row per variant, outcome and metric, over the final checkpoints.",
    (
        ("variant", TEXT, "base, or how the checkpoints were perturbed"),
        ("outcome", TEXT, "Outcome: column of observations to be explained"),
        ("metric", TEXT, "Metric: column of observations that might explain it"),
        ("n", COUNT, "Runs that have both"),
        ("rho", NUMBER, "Spearman correlation"),
        ("rho_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("rho_high", NUMBER, "Upper end"),
        ("rho_p", NUMBER, "p-value for no association"),
        ("by_size_rho", NUMBER, "Mean of the Spearman correlations within sizes, by their models"),
        ("by_size_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("by_size_high", NUMBER, "Upper end"),
        ("by_size_sizes", COUNT, "Sizes it is the mean of; 0 if fewer than two have three models"),
        ("partial_rho", NUMBER, "The paper's partial Spearman given the ranked hyperparameters"),
        ("partial_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("partial_high", NUMBER, "Upper end"),
        ("partial_p", NUMBER, "p-value for no partial association; assumes additivity in ranks"),
        ("partial_q", NUMBER, "Benjamini-Hochberg q of partial_p over the outcome's metrics"),
        ("residual_rho", NUMBER, "Spearman of residuals on the design, with size interactions"),
        ("residual_low", NUMBER, "Lower end of its 95 % bootstrap interval"),
        ("residual_high", NUMBER, "Upper end"),
        ("residual_p", NUMBER, "p-value for no association, corrected for degrees of freedom"),
        ("residual_df", NUMBER, "Its residual degrees of freedom"),
        ("residual_q", NUMBER, "Benjamini-Hochberg q of residual_p over the outcome's metrics"),
        ("within_rho", NUMBER, "Spearman of deviations from the mean of a cell's repeats"),
        ("within_low", NUMBER, "Lower end of its 95 % interval (Fisher's z)"),
        ("within_high", NUMBER, "Upper end"),
        ("within_p", NUMBER, "Permutation p-value within cells; exact for any effect of training"),
        ("within_n", NUMBER, "Runs in cells with more than one seed"),
        ("within_q", NUMBER, "Benjamini-Hochberg q of within_p over the outcome's metrics"),
        ("clustered_coef", NUMBER, "Standardised slope, controlled for the full design"),
        ("clustered_se", NUMBER, "Its standard error, clustered by cell"),
        ("clustered_p", NUMBER, "p-value for a slope of zero"),
        ("delta_r2", NUMBER, "Gain in held-out R^2 over size, compute and tokens"),
        (
            "delta_r2_low",
            NUMBER,
            "Lower end of its 95 % bootstrap interval; null if a fit breaks down",
        ),
        ("delta_r2_high", NUMBER, "Upper end"),
        (
            "delta_r2_design",
            NUMBER,
            "Share of the variance left unexplained by all training choices that the metric "
            "explains: squared partial correlation given the full design, adjusted for degrees of "
            "freedom",
        ),
        ("delta_r2_design_low", NUMBER, "Lower end of its 95 % interval (Fisher's z, squared)"),
        ("delta_r2_design_high", NUMBER, "Upper end"),
        ("mixed_coef", NUMBER, "Standardised coefficient with random intercepts by size"),
        ("mixed_se", NUMBER, "Its standard error"),
        ("mixed_run_coef", NUMBER, "Standardised slope within runs, over their checkpoints"),
        ("mixed_run_se", NUMBER, "Its standard error, clustered by run"),
        ("mixed_run_n", COUNT, "Number of checkpoints used"),
        ("controls", TEXT, "Hyperparameters the partial correlation controls for"),
        (
            "verdict",
            TEXT,
            "beyond training (residual_q < 0.05, and if most runs are repeated within_q < 0.05 "
            "with the same sign); training only (raw interval excludes 0, that of the residual is "
            "within +-0.3); no association (raw within +-0.2, residual within +-0.3); "
            "else undecided",
        ),
        ("note", TEXT, "Why a value is missing"),
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
        ("r2", NUMBER, "R^2 on the fold's left-out runs; null for a single run"),
        ("pooled_r2", NUMBER, "R^2 of the pooled predictions of all folds"),
    ),
)


SATURATION = Table(
    "saturation",
    "One row per run and outcome (a loss, or a task evaluated at every checkpoint): does it get "
    "worse late in training, and does the rank of W fall before? If higher scores are better, the "
    "sign is reversed.",
    (
        RUN,
        ("outcome", TEXT, "What is judged: a held-out loss in bits per byte, or a task's score"),
        ("checkpoints", COUNT, "Number of checkpoints used, without step 0"),
        ("best_step", COUNT, "Step of the lowest loss"),
        ("last_step", COUNT, "Last step"),
        ("degradation", NUMBER, "Last value minus the best; positive is worse"),
        ("degradation_low", NUMBER, "Its lower 95 % bound"),
        ("degradation_high", NUMBER, "Upper 95 % bound of the rise from any earlier checkpoint"),
        ("p", NUMBER, "Share of never-rising curves with these errors that end at least as high"),
        (
            "fluctuation",
            NUMBER,
            "Standard deviation of a checkpoint's value around its run's course, pooled over runs; "
            "null if there are too few checkpoints",
        ),
        ("p_fluctuating", NUMBER, "The same share, of curves that also fluctuate so"),
        (
            "verdict",
            TEXT,
            "not saturated (upper bound below the tolerance), else saturated (both p < 0.05), else "
            "undecided",
        ),
        (
            "errors",
            TEXT,
            "Errors of differences: paired, passage by passage; assumed independent; or with an "
            "assumed correlation",
        ),
        ("rank_peak_step", COUNT, "Step at which W has its highest effective rank"),
        ("rank_fall", NUMBER, "Share of that peak lost by the last step"),
        ("rank_order", TEXT, "Whether the rank peaks before, with or after the lowest loss"),
    ),
)

CLAIMS = Table(
    "claims",
    "One row per finding of the paper: whether it holds in this study, by the same rule for every "
    "study.",
    (
        ("claim", COUNT, "Its number in the ledger"),
        ("statement", TEXT, "What is claimed"),
        ("source", TEXT, "The paper that claims it"),
        ("test", TEXT, "The deciding test: the first that fails, else the first undecided one"),
        ("quantity", TEXT, "What that test estimates"),
        ("expected", TEXT, "The test holds if its whole 95 % interval lies here"),
        ("fails_if", TEXT, "Otherwise the test fails if its whole interval lies here"),
        ("observed", NUMBER, "The test's estimate"),
        ("interval", TEXT, "Its 95 % interval"),
        ("n", COUNT, "Number of runs used"),
        (
            "verdict",
            TEXT,
            "holds (every deciding test does), fails (one does), or undecided",
        ),
        ("tests", COUNT, "Number of deciding tests"),
        ("tests_holding", COUNT, "Of these, how many hold"),
        (
            "runs_to_decide",
            NUMBER,
            "Approximate number of runs of this design that would decide it at the same estimate",
        ),
        ("evidence", TEXT, "Table and filter (a pandas query) of the rows behind it"),
        ("note", TEXT, "Examples by name, or why there is no value"),
    ),
)

CLAIM_TESTS = Table(
    "claim_tests",
    "One row per test of a claim.",
    (
        ("claim", COUNT, "Number of the claim"),
        ("part", TEXT, "Name of the test"),
        ("quantity", TEXT, "What is estimated"),
        ("expected", TEXT, "The test holds if the whole 95 % interval lies here"),
        ("fails_if", TEXT, "Otherwise the test fails if the whole interval lies here"),
        ("observed", NUMBER, "Estimate, in the statistic's own unit"),
        ("low", NUMBER, "Lower end of its 95 % interval; for a count, the number found"),
        ("high", NUMBER, "Upper end; for a count, the number found plus all undecided"),
        ("n", COUNT, "Number of runs used"),
        ("verdict", TEXT, "holds, fails or undecided"),
        ("decides", pa.bool_(), "Whether the claim's verdict depends on it; else it is only shown"),
        (
            "runs_to_decide",
            NUMBER,
            "Approximate number of runs of this design that would decide it at the same estimate",
        ),
        ("table", TEXT, "Table the estimate is from"),
        ("filter", TEXT, "Its rows, as a pandas query"),
        ("note", TEXT, "Examples by name, or why there is no value"),
    ),
)


CALIBRATION = Table(
    "calibration",
    "One row per data-generating process, planted effect and estimator: the estimator's "
    "performance in simulated studies of this design, where the truth is known.",
    (
        (
            "process",
            TEXT,
            "Data-generating process: how training affects metric and outcome, and which runs are "
            "observed",
        ),
        (
            "planted_rho",
            NUMBER,
            "Correlation of the noise in metric and outcome, before heavy tails are added; 0: none",
        ),
        ("estimator", TEXT, "Name of the estimator; see docs/statistics.md"),
        ("n", COUNT, "Runs of the design"),
        ("studies", COUNT, "Simulated studies"),
        ("answered", COUNT, "Of these, how many gave an estimate"),
        ("kind", TEXT, "What `found` is: false positives or power"),
        ("found", NUMBER, "Share of estimates that are significant at 5 %"),
        ("found_low", NUMBER, "Lower end of its 95 % Monte Carlo interval (Wilson)"),
        ("found_high", NUMBER, "Upper end"),
        ("truth", NUMBER, "Spearman correlation of the noise: what a correlation estimates"),
        ("bias", NUMBER, "Mean estimate minus the truth; null if it estimates no correlation"),
        ("intervals", COUNT, "Number of 95 % intervals"),
        ("coverage", NUMBER, "Share of them that contain the truth"),
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
    "similarly?",
    (
        ("metric_a", TEXT, "Column of observations"),
        ("metric_b", TEXT, "Another column"),
        ("n", COUNT, "Runs that have all metrics of the table"),
        *_estimate("rho", "Spearman correlation; BCa bootstrap over cells"),
        ("residual_rho", NUMBER, "Spearman correlation of the residuals of both on the design"),
        ("cluster_a", COUNT, "Cluster of the first metric; 0: the metric is constant"),
        ("cluster_b", COUNT, "Cluster of the second"),
    ),
)


EFFECTS = Table(
    "effects",
    "One row per varied training choice and response, over the final checkpoints as trained: the "
    "effect of the choice, all else equal.",
    (
        ("choice", TEXT, "Training choice"),
        ("along", TEXT, "Choice that the design varies with it; empty: none"),
        ("response", TEXT, "Column of observations"),
        ("per", TEXT, "Unit of the slopes: doubling, or unit of a choice that may be zero"),
        ("n", COUNT, "Runs that differ from another run in this choice alone"),
        *_estimate("slope", "Slope, the same for all sizes"),
        (
            "passages_se",
            NUMBER,
            "Part of its standard error that is due to the finite number of passages",
        ),
        ("p", NUMBER, "p-value for a slope of zero"),
        ("q", NUMBER, "Its Benjamini-Hochberg q over the rows of this table"),
        ("bend_p", NUMBER, "p-value for no U of either kind: the larger p of the two end slopes"),
        ("bend_q", NUMBER, "Its Benjamini-Hochberg q over the rows of this table"),
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
        ("note", TEXT, "Why a value is missing"),
    ),
)


NOISE = Table(
    "noise",
    "One row per metric and loss, over the final checkpoints as trained: the variation between "
    "seeds.",
    (
        ("column", TEXT, "Column of observations"),
        ("n", COUNT, "Runs that have it"),
        ("cells", COUNT, "Cells of the design: size and training choices"),
        ("cells_repeated", COUNT, "Of these, with more than one seed"),
        ("df_within", COUNT, "Degrees of freedom of the noise"),
        ("sd_within", NUMBER, "Standard deviation between seeds, in the column's unit"),
        (
            "sd_passages",
            NUMBER,
            "Part of sd_within that is due to the finite number of passages; null if not known",
        ),
        (
            "sd_init",
            NUMBER,
            "Standard deviation between initialisations, with one order of data; null if not known",
        ),
        ("df_init", COUNT, "Its degrees of freedom"),
        (
            "sd_data",
            NUMBER,
            "Standard deviation between orders of data, with one initialisation; null if not known",
        ),
        ("df_data", COUNT, "Its degrees of freedom"),
        ("sd_between", NUMBER, "Standard deviation between cells, without that of seeds"),
        *_estimate("icc", "Intraclass correlation: share of the variance between cells"),
        ("least_difference", NUMBER, "Smaller differences between two runs may be due to seeds"),
    ),
)


OVER_TRAINING = Table(
    "over_training",
    "One row per arm of the design and share of training: the raw association of the first metric "
    "with the first loss over runs, at that share. Its sign can turn with the steps over AdamW's "
    "memory.",
    (
        (
            "arm",
            TEXT,
            "all runs, or those of one weight decay and kind of beta2",
        ),
        ("metric", TEXT, "Column of observations"),
        ("outcome", TEXT, "Column of observations"),
        ("checkpoint", COUNT, "Number of the checkpoint, from 1 after step 0"),
        ("share", NUMBER, "Median share of the run's steps"),
        ("n", COUNT, "Runs"),
        ("steps_over_tau", NUMBER, "Geometric mean over the runs of the steps over AdamW's memory"),
        *_estimate("rho", "Spearman correlation; BCa bootstrap over cells"),
    ),
)


COUNTEREXAMPLES = Table(
    "counterexamples",
    "Runs, by name, that contradict a simple relation between rank and loss.",
    (
        ("kind", TEXT, "high rank, high loss; or low rank, not saturated"),
        RUN,
        ("outcome", TEXT, "Loss, a column of observations"),
        ("metric", TEXT, "Rank, a column of observations"),
        ("rank", NUMBER, "Its value"),
        ("rank_quantile", NUMBER, "Share of runs with no higher rank"),
        ("loss", NUMBER, "Final loss"),
        ("above_median", NUMBER, "Final loss minus the median over all runs"),
        (
            "passages_se",
            NUMBER,
            "Standard error of above_median passage by passage; null if not known",
        ),
        (
            "margin",
            NUMBER,
            "Required difference: two standard deviations between seeds or, without repeated "
            "seeds, two standard errors over passages",
        ),
    ),
)
