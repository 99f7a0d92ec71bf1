"""Tables of an experiment on W: its arms, their effects, and slopes on rank."""

from dataclasses import replace

import pyarrow as pa

from disentangle.tables.estimated import CLAIM_TESTS, CLAIMS
from disentangle.tables.table import COUNT, NUMBER, TEXT, Table

Column = tuple[str, pa.DataType, str]
"""Name, type and meaning."""

_CELL: tuple[Column, ...] = (
    ("size", TEXT, "Name of the model size"),
    ("configuration", TEXT, "The hyperparameters that all arms share"),
)

_EQUIVALENCE: tuple[Column, ...] = (
    ("bound", NUMBER, "A smaller {of} counts as none; null where no bound was set"),
    ("equivalence_p", NUMBER, "p-value for |{of}| of at least the bound (two one-sided tests)"),
    ("equivalence_low", NUMBER, "Lower end of the 90 % interval that belongs to it"),
    ("equivalence_high", NUMBER, "Upper end"),
    (
        "further_seeds",
        NUMBER,
        "Seeds to add until that interval would lie within or outside of the bound at the same "
        "estimate; 0: it does; null: it never would",
    ),
)


def _about(of: str) -> tuple[Column, ...]:
    return tuple((name, kind, meaning.format(of=of)) for name, kind, meaning in _EQUIVALENCE)


_ROLE: Column = (
    "role",
    TEXT,
    "outcome (a loss), exposure (the rank that the arms move), or compensation (what may move "
    "along)",
)

CAUSAL_ARMS = Table(
    "causal_arms",
    "One row per arm of the experiment: what was done, what became of its runs, and the rank that "
    "it reached.",
    (
        *_CELL,
        ("arm", TEXT, "Name of the arm; control: nothing is done"),
        ("intervention", TEXT, "What is done to W; empty for the control"),
        ("dose", NUMBER, "How much of it, in the unit of its kind; null: nothing is done"),
        ("seeds", COUNT, "Seeds of the experiment"),
        ("runs", COUNT, "Runs of the arm that finished or diverged"),
        ("diverged", COUNT, "Of these, how many diverged"),
        (
            "diverged_p",
            NUMBER,
            "p-value for as many divergences as in the control (exact sign flips: McNemar's test)",
        ),
        ("n", COUNT, "Finished runs whose exposure is known"),
        ("exposure", NUMBER, "Mean R/d at the end"),
        ("exposure_sd", NUMBER, "Its standard deviation between seeds"),
        ("exposure_least", NUMBER, "Least R/d of a run"),
        ("exposure_largest", NUMBER, "Largest R/d of a run"),
        (
            "missed",
            NUMBER,
            "Mean R/d minus the target that a controller holds; null for other kinds",
        ),
        ("missed_most", NUMBER, "Largest distance of a run from that target"),
        ("exposure_effect", NUMBER, "Mean difference of R/d to the control, paired by seed"),
        ("exposure_effect_low", NUMBER, "Lower end of its 95 % interval (sign flips)"),
        ("exposure_effect_high", NUMBER, "Upper end"),
    ),
)

ARM_EFFECTS = Table(
    "arm_effects",
    "One row per arm, reference and response: intention to treat, paired by seed. A row with the "
    "arm `any` tests whether the arms differ at all.",
    (
        *_CELL,
        ("response", TEXT, "Column of observations"),
        _ROLE,
        ("arm", TEXT, "Name of the arm, or any"),
        ("reference", TEXT, "Arm that is subtracted: the control, or what factors alone do"),
        ("n", COUNT, "Seeds that have both"),
        ("effect", NUMBER, "Mean difference, in the response's unit"),
        ("se", NUMBER, "Its standard error"),
        ("low", NUMBER, "Lower end of its 95 % interval, by inverting the sign flips"),
        ("high", NUMBER, "Upper end"),
        ("p", NUMBER, "p-value for no effect: sign flips of seeds, all of them up to 14 seeds"),
        ("holm_p", NUMBER, "The same after Holm's correction over the response's rows"),
        *_about("effect"),
        ("note", TEXT, "Why a value is missing, and seeds that lack an arm"),
    ),
)

CAUSAL_SLOPES = Table(
    "causal_slopes",
    "One row per response and estimator: its slope on R/d, by intervention and by observation of "
    "the same pair.",
    (
        *_CELL,
        ("response", TEXT, "Column of observations"),
        _ROLE,
        ("estimator", TEXT, "How the slope is estimated; see docs/causal-arm.md"),
        ("arms", TEXT, "Arms used; empty: runs that nobody intervened on"),
        ("n", COUNT, "Runs"),
        ("seeds", COUNT, "Seeds that have some of these arms; 0 without arms"),
        ("slope", NUMBER, "Response per unit of R/d; of a bend, half the second derivative"),
        ("se", NUMBER, "Its standard error, clustered by seed"),
        (
            "low",
            NUMBER,
            "Lower end of its 95 % interval: Anderson and Rubin's test with the fitted exposure as "
            "instrument, by sign flips; Student's t for parabolas, differences and observations",
        ),
        ("high", NUMBER, "Upper end"),
        ("p", NUMBER, "p-value for a slope of zero, by the same test"),
        ("per_tenth", NUMBER, "Response per tenth of d"),
        ("per_tenth_low", NUMBER, "Lower end of its 95 % interval"),
        ("per_tenth_high", NUMBER, "Upper end"),
        (
            "ar_set",
            TEXT,
            "Slopes that fit all arms: Anderson and Rubin's 95 % set with every arm as an "
            "instrument, by permutation within seeds; empty if none does",
        ),
        ("ar_low", NUMBER, "Its least value"),
        ("ar_high", NUMBER, "Its largest value"),
        ("ar_p", NUMBER, "p-value for no difference between these arms, by that test"),
        ("f", NUMBER, "First-stage F: do the arms move R/d?"),
        ("f_df", NUMBER, "Its degrees of freedom"),
        ("j", NUMBER, "Hansen's J: do arms, or levers, give one slope?"),
        ("j_df", NUMBER, "Its degrees of freedom"),
        ("j_p", NUMBER, "p-value for one slope, by F"),
        ("at", NUMBER, "R/d at which the slope of a parabola is taken"),
        ("turning_point", NUMBER, "R/d at which the parabola turns"),
        ("turning_set", TEXT, "Its 95 % set (Fieller)"),
        (
            "movement",
            TEXT,
            "Whether the response moves with R/d, the other way, or is not shown to move",
        ),
        *_about("slope per tenth"),
        ("note", TEXT, "Why a value is missing, or the set if the interval is its hull"),
    ),
)

CAUSAL_CLAIMS = replace(
    CLAIMS,
    name="causal_claims",
    meaning="One row per causal claim: whether it holds in this study, by the same rule for every "
    "study.",
)

CAUSAL_CLAIM_TESTS = replace(
    CLAIM_TESTS, name="causal_claim_tests", meaning="One row per test of a causal claim."
)

CAUSAL_READINGS = Table(
    "causal_readings",
    "One row per result that the experiment can have, with what it means: which of them it has, "
    "by fixed rules.",
    (
        ("reading", COUNT, "Its number"),
        ("result", TEXT, "What is seen"),
        ("meaning", TEXT, "What it means"),
        ("verdict", TEXT, "applies, does not apply, or undecided"),
        ("test", TEXT, "The deciding test: the first that fails, else the first undecided one"),
        ("quantity", TEXT, "What that test estimates"),
        ("expected", TEXT, "The test holds if its whole 95 % interval lies here"),
        ("observed", NUMBER, "The test's estimate"),
        ("interval", TEXT, "Its 95 % interval"),
        ("n", COUNT, "Number of runs used"),
        ("tests", COUNT, "Number of deciding tests"),
        ("tests_holding", COUNT, "Of these, how many hold"),
        (
            "runs_to_decide",
            NUMBER,
            "Approximate number of runs of this design that would decide it at the same estimate",
        ),
        ("note", TEXT, "Why there is no value"),
    ),
)

CAUSAL_CALIBRATION = Table(
    "causal_calibration",
    "One row per simulated world, estimator and question: how often an estimator of the "
    "experiment is right where the truth is known.",
    (
        ("world", TEXT, "What was planted"),
        ("estimator", TEXT, "Estimator, as in docs/causal-arm.md"),
        ("truth", NUMBER, "What it estimates there; null if it only tests"),
        ("null", pa.bool_(), "Whether its null hypothesis is true, so that `found` is its level"),
        ("worlds", COUNT, "Simulated experiments that gave an answer"),
        ("found", NUMBER, "Share of tests that are significant at 5 %"),
        ("found_low", NUMBER, "Lower end of its 95 % Monte Carlo interval (Wilson)"),
        ("found_high", NUMBER, "Upper end"),
        ("coverage", NUMBER, "Share of 95 % intervals that contain the truth"),
        ("coverage_low", NUMBER, "Lower end of its 95 % Monte Carlo interval"),
        ("coverage_high", NUMBER, "Upper end"),
        ("bias", NUMBER, "Mean estimate minus the truth"),
        ("width", NUMBER, "Median width of the interval"),
    ),
)
