"""Claims: rules, contrasts against statsmodels, and a planted study whose truth is known."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from planted_study import only, runs, study
from scipy.stats import spearmanr

from disentangle.claims.comparisons import advantage, median_agreement, removal, standing_of_best
from disentangle.claims.examples import (
    HIGH_HIGH,
    count_high_rank_high_loss,
    count_low_rank_sound,
    counterexamples,
    high_rank_high_loss,
    low_rank_sound,
)
from disentangle.claims.judge import judge
from disentangle.claims.ledger import CLAIMS
from disentangle.claims.ledger import RANK as CLAIMED
from disentangle.claims.rule import (
    NEVER,
    Region,
    Rule,
    Verdict,
    above,
    at_least_one,
    below,
    negative,
    of_known_sign,
    together,
    within,
)
from disentangle.statistics.contrasts import (
    all_else_equal,
    slope,
    slopes_at_the_ends,
    slopes_by_size,
)
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.noise import noise_floor
from disentangle.tables.estimated import CLAIM_TESTS, COUNTEREXAMPLES
from disentangle.tables.estimated import CLAIMS as CLAIMS_TABLE
from disentangle.tables.files import to_arrow

NEGATIVE = negative("ρ", negligible=0.2)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.7, -0.1, "holds"),
        (-0.15, -0.05, "holds"),  # small, and of the sign
        (-0.15, 0.15, "fails"),  # shown to be small, and of no known sign
        (0.1, 0.9, "fails"),
        (-0.12, 0.89, "undecided"),  # no sign, nor small: it failed once, beside the next one
        (-0.27, 0.85, "undecided"),
        (-0.3, 0.3, "undecided"),
        (math.nan, math.nan, "undecided"),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, verdict: str) -> None:
    assert NEGATIVE.verdict(Estimate((low + high) / 2, low, high, 10)) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.1, 0.2, "holds"), (0.35, 0.5, "fails"), (-0.5, -0.35, "fails"), (0.1, 0.4, "undecided")],
)
def test_small_means_within_both_bounds(low: float, high: float, verdict: str) -> None:
    rule = within("ρ", 0.3)
    assert rule.verdict(Estimate((low + high) / 2, low, high, 10)) == verdict


@pytest.mark.parametrize(("found", "verdict"), [(0, "undecided"), (1, "holds"), (8, "holds")])
def test_one_example_is_enough_and_none_decides_nothing(found: int, verdict: str) -> None:
    count = Estimate(found, found, found, 8)
    rule = at_least_one("number of models")
    assert (rule.verdict(count), rule.fails_if) == (verdict, NEVER)
    assert math.isnan(rule.runs_to_decide(count)) or verdict == "holds"


def read(said: str, low: float, high: float) -> bool:
    """Whether an interval satisfies a rule as it is written: 'x ≤ 0', 'x ≥ 1', '-1 ≤ x ≤ 1'."""
    if said == NEVER:
        return False
    for one in said.split(" or "):
        words = one.split(" ≤ ")
        if len(words) == 1:
            lower, upper = float(one.split(" ≥ ")[1]), math.inf
        else:
            lower, upper = float(words[0]) if len(words) == 3 else -math.inf, float(words[-1])
        if lower <= low and high <= upper:
            return True
    return False


def by_the_words(holds_if: str, fails_if: str, low: float, high: float) -> Verdict:
    """The verdict of who reads the ledger and nothing else."""
    if read(holds_if, low, high):
        return "holds"
    return "fails" if read(fails_if, low, high) else "undecided"


RULES = [
    *(below("ΔR²", 0.05), below("|partial ρ| - 0.5 |ρ|", 0), above("slope", 0), NEGATIVE),
    *(within("residual ρ", 0.34), of_known_sign("slope"), at_least_one("number of models")),
    Rule("slope", (Region(low=0),), ()),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.holds_if)
@given(ends=st.tuples(*[st.integers(-20, 20)] * 2))
def test_the_rule_that_is_shown_is_the_rule_that_decides(rule: Rule, ends: tuple[int, int]) -> None:
    low, high = (end / 10 for end in sorted(ends))
    estimate = Estimate((low + high) / 2, low, high, 10)
    assert rule.verdict(estimate) == by_the_words(rule.holds_if, rule.fails_if, low, high)


@pytest.mark.parametrize("true", [True, False])
def test_every_verdict_of_the_ledger_follows_from_what_is_written_there(true: bool) -> None:
    claims, tests = judge(CLAIMS, study(true=true))
    assert len(tests) > 20
    for test in tests:
        said = by_the_words(test["expected"], test["fails_if"], test["low"], test["high"])
        assert said == test["verdict"], test
        assert test["expected"] == NEVER or test["quantity"] in test["expected"]
    by_claim = {row["claim"]: [] for row in claims}
    for test in tests:
        if test["decides"]:
            by_claim[test["claim"]].append(test)
    for row in claims:
        verdicts = [test["verdict"] for test in by_claim[row["claim"]]]
        assert row["verdict"] == together(verdicts)
        shown = [test for test in by_claim[row["claim"]] if test["part"] == row["test"]]
        assert shown[0]["verdict"] == row["verdict"]
        assert (shown[0]["expected"], shown[0]["fails_if"]) == (row["expected"], row["fails_if"])


@given(st.floats(-1, 1), st.floats(0.01, 1), st.integers(5, 500))
def test_the_runs_it_names_would_decide(value: float, arm: float, n: int) -> None:
    estimate = Estimate(value, value - arm, value + arm, n)
    needed = NEGATIVE.runs_to_decide(estimate)
    if math.isnan(needed):
        return
    shrunk = arm * math.sqrt(n / (needed + 1))  # one more, since the last digit may round
    decided = Estimate(value, value - shrunk, value + shrunk, int(needed))
    assert NEGATIVE.verdict(decided) != "undecided"
    if needed > n + 1:
        assert NEGATIVE.verdict(estimate) == "undecided"
    if needed < n:
        assert NEGATIVE.verdict(estimate) != "undecided"


def test_a_claim_of_several_tests() -> None:
    assert together(["holds", "holds"]) == "holds"
    assert together(["holds", "undecided"]) == "undecided"
    assert together(["undecided", "fails"]) == "fails"
    assert together([]) == "undecided"


def test_all_else_equal_finds_the_sweep_and_its_base() -> None:
    rows = all_else_equal(runs(), "weight_decay")
    assert len(rows) == 4 * 3 * 3  # sizes, values with the base's, seeds
    assert rows["stratum"].nunique() == 4
    # the token sweep shares each of its budgets with no other batch
    assert set(all_else_equal(runs(), "batch_size")["tokens_budget"]) == {32_000}


def with_outcome(seed: int = 0) -> pd.DataFrame:
    table = runs()
    rng = np.random.default_rng(seed)
    y = np.log2(table["batch_size"]) ** 2 + table["final_lr"] + rng.standard_normal(len(table))
    return table.assign(y=y)


def test_contrasts_equal_least_squares_with_a_formula() -> None:
    table = with_outcome()
    rows = all_else_equal(table, "batch_size")
    rows = rows.assign(x=np.log2(rows["batch_size"]), s=np.log(rows["params_non_embedding"]))
    rows["s"] -= rows["s"].mean()
    line = smf.ols("y ~ C(stratum) + x", rows).fit()
    ours = slope(table, "batch_size", "y")
    assert (ours.value, ours.low, ours.high) == pytest.approx(
        (line.params["x"], *line.conf_int().loc["x"])
    )
    parabola = smf.ols("y ~ C(stratum) + x + I(x**2)", rows).fit()
    for end, found in zip((5, 9), slopes_at_the_ends(table, "batch_size", "y"), strict=True):
        test = parabola.t_test(f"x + {2 * end} * I(x ** 2) = 0")
        assert (found.value, found.low, found.high) == pytest.approx(
            (test.effect[0], *test.conf_int()[0])
        )
    changing = smf.ols("y ~ C(stratum) + x + x:s", rows).fit()
    ends = (rows["s"].min(), rows["s"].max())
    for end, found in zip(ends, slopes_by_size(table, "batch_size", "y"), strict=True):
        test = changing.t_test(f"x + {end} * x:s = 0")
        assert (found.value, found.low, found.high) == pytest.approx(
            (test.effect[0], *test.conf_int()[0])
        )


def test_what_was_not_varied_is_unknown_and_says_so() -> None:
    table = with_outcome().query("weight_decay == 0.1 and batch_size in (32, 128)")
    assert "no runs differ in weight decay" in slope(table, "weight_decay", "y").note
    assert math.isnan(slope(table, "weight_decay", "y").value)
    low, _ = slopes_at_the_ends(table, "batch_size", "y")
    assert low.note == "the choice has too few values"  # two points make no parabola


def test_what_a_choice_does_is_read_off_the_effects_table() -> None:
    evidence = study(true=True)
    runs = evidence.runs
    ends = slopes_at_the_ends(runs, "batch_size", "id_bits_per_byte")
    sizes = slopes_by_size(runs, "batch_size", "id_bits_per_byte")
    names = ("at_lowest", "at_highest", "at_smallest", "at_largest")
    expected = dict(zip(names, (*ends, *sizes), strict=True))
    expected["slope"] = slope(runs, "batch_size", "id_bits_per_byte")
    for name, estimate in expected.items():
        found = evidence.effect("batch_size", "id_bits_per_byte", name)
        assert (found.value, found.low, found.high) == (estimate.value, estimate.low, estimate.high)
        assert (found.n, found.note) == (estimate.n, "")
    nothing = evidence.effect("seed", "id_bits_per_byte")
    assert math.isnan(nothing.low) and nothing.note == "no runs differ in seed alone"
    # the effect of a choice that never varies alone is another choice's, too
    along = replace(evidence, effects=evidence.effects.assign(along="tokens_budget"))
    assert math.isnan(along.effect("batch_size", "id_bits_per_byte").value)


def test_comparisons_are_those_of_scipy() -> None:
    table = study(true=True).runs
    kwargs = {"resamples": 100, "seed": 0}
    columns = ["W_stable_rank", "H_stable_rank", "W_effective_rank_pct"]

    def rho(a: str, b: str) -> float:
        return abs(spearmanr(table[a], table[b]).statistic)

    found = advantage(table, "ood_bits_per_byte", "id_bits_per_byte", columns, **kwargs)
    strongest = max(rho(name, "ood_bits_per_byte") for name in columns)
    assert found.value == pytest.approx(rho("id_bits_per_byte", "ood_bits_per_byte") - strongest)
    pairs = [rho(columns[i], columns[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert median_agreement(table, columns, **kwargs).value == pytest.approx(np.median(pairs))
    best = table.loc[table["id_bits_per_byte"].idxmin(), "W_effective_rank_pct"]
    below_best = (table["W_effective_rank_pct"] < best).mean() + 0.5 / len(table)
    assert standing_of_best(
        table, "id_bits_per_byte", "W_effective_rank_pct", **kwargs
    ).value == pytest.approx(below_best)


def test_removal_is_the_difference_of_two_estimators() -> None:
    import pingouin

    table = study(true=True).runs
    pair = ("W_effective_rank_pct", "id_bits_per_byte")
    controls = ["params_non_embedding", "tokens_budget", "batch_size", "weight_decay"]
    controls += ["learning_rate", "final_lr"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        partial = pingouin.partial_corr(table, *pair, covar=controls, method="spearman")["r"].iloc[
            0
        ]
    raw = spearmanr(table[pair[0]], table[pair[1]]).statistic
    found = removal(table, pair[1], pair[0], share=0.5, resamples=100, seed=0)
    assert found.value == pytest.approx(abs(partial) - 0.5 * abs(raw), abs=1e-6)


LOSSES = [1, 2, 3, 4, 5, 6, 7, 5.9]


def test_examples_are_named() -> None:
    table = pd.DataFrame(runs().head(8)).assign(rank=np.arange(8.0), loss=LOSSES)
    found = count_high_rank_high_loss(table, "loss", "rank")
    # seeds spread by 0.96, so above 4.5 + 1.92; run7's rank is higher, its loss is not
    assert found.value == 1
    assert found.note == "of 2 with high rank: run6"
    verdicts = pd.DataFrame(
        {"run": table["run"], "outcome": "loss", "verdict": ["saturated", "undecided"] + 6 * ["x"]}
    )
    sound = count_low_rank_sound(table, verdicts, "loss", "rank")
    assert (sound.low, sound.high) == (0, 1)
    named = low_rank_sound(table, verdicts.assign(verdict="not saturated"), "loss", "rank")
    assert named["run"].tolist() == ["run0", "run1"]
    (row,) = high_rank_high_loss(table, "loss", "rank").to_dict("records")
    assert (row["kind"], row["run"], row["rank_quantile"]) == (HIGH_HIGH, "run6", 7 / 8)
    assert row["above_median"] == pytest.approx(7 - 4.5)
    assert row["margin"] == pytest.approx(2 * noise_floor(table, "loss")["sd_within"])
    to_arrow(pd.DataFrame([row]), COUNTEREXAMPLES)
    few = table.head(3)
    assert high_rank_high_loss(few, "loss", "rank").empty
    assert "3 runs" in count_high_rank_high_loss(few, "loss", "rank").note


def test_counterexamples_are_of_every_loss() -> None:
    evidence = study(true=True)
    found = counterexamples(evidence, ["id_bits_per_byte", "ood_bits_per_byte"], CLAIMED)
    assert set(found["outcome"]) == {"id_bits_per_byte", "ood_bits_per_byte"}
    assert counterexamples(evidence, [], CLAIMED).empty


def test_in_the_papers_world_no_claim_fails_and_most_hold() -> None:
    claims, tests = judge(CLAIMS, study(true=True))
    verdicts = {row["claim"]: row["verdict"] for row in claims}
    assert list(verdicts) == [claim.number for claim in CLAIMS]
    failing = [(row["claim"], row["part"]) for row in tests if row["verdict"] == "fails"]
    assert failing == []
    assert {1, 5, 6, 7, 8, 9, 10, 11} <= {n for n, v in verdicts.items() if v == "holds"}
    to_arrow(claims, CLAIMS_TABLE)
    to_arrow(tests, CLAIM_TESTS)


def test_in_the_opposite_world_they_do_not_hold() -> None:
    claims, _ = judge(CLAIMS, study(true=False))
    verdicts = {row["claim"]: row["verdict"] for row in claims}
    assert [n for n, v in verdicts.items() if v == "holds"] == []
    assert {6, 8, 10, 11, 12} <= {n for n, v in verdicts.items() if v == "fails"}
    assert verdicts[9] == "undecided"  # there is no example, which does not show that none could be


def test_few_runs_are_undecided_and_say_how_many_would_decide() -> None:
    claims, _ = judge(CLAIMS, only(study(true=True), "seed == 0 and size == '4M'"))
    first = claims[-2]  # metrics against losses: there are runs, and few
    assert all(row["verdict"] in ("holds", "fails", "undecided") for row in claims)
    undecided = [row for row in claims if row["verdict"] == "undecided"]
    assert undecided and first["claim"] == 11
    assert any(np.isfinite(row["runs_to_decide"]) or row["note"] for row in undecided)


def test_a_study_without_perturbation_leaves_its_claims_open() -> None:
    evidence = only(study(true=True), "variant == 'base'")
    claims, _ = judge(CLAIMS, evidence)
    quantized = claims[-1]
    assert quantized["verdict"] == "undecided"
    assert "no data on this claim" in quantized["note"]


def test_claims_follow_from_the_seed_and_not_from_the_order_of_rows() -> None:
    evidence = study(true=True)
    shuffled = replace(evidence, observations=evidence.observations.sample(frac=1, random_state=1))
    first, again = judge(CLAIMS, evidence)[0], judge(CLAIMS, shuffled)[0]
    assert [row["verdict"] for row in first] == [row["verdict"] for row in again]
    assert [row["interval"] for row in first] == [row["interval"] for row in again]
