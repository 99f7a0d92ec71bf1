"""Causal claims and readings: verdicts that follow planted truths."""

import numpy as np
import pandas as pd
import pytest
from an_experiment import SEED_NOISE, experiment

from disentangle.causal.estimate import estimate_causal
from disentangle.causal.settings import CausalSettings
from disentangle.claims.causal import CAUSAL_CLAIMS as CLAIMS
from disentangle.claims.causal_evidence import CausalEvidence
from disentangle.claims.causal_readings import READINGS, readings
from disentangle.claims.judge import judge
from disentangle.tables.causal import CAUSAL_CLAIM_TESTS, CAUSAL_CLAIMS, CAUSAL_READINGS
from disentangle.tables.files import to_arrow

SETTINGS = CausalSettings(permutations=199)
QUIET = 0.003
HARD = {"narrow": 0.3, "factors": 0.1}
LEVER = {"low": 0.12, "lower": 0.02, "higher": -0.08, "high": -0.165}
"""A slope of -.5 that the doses alone have."""


def evidence(table: pd.DataFrame, surgery: pd.DataFrame | None = None) -> CausalEvidence:
    return CausalEvidence.of(table, estimate_causal(table, SETTINGS), SETTINGS, surgery=surgery)


def verdicts(table: pd.DataFrame, surgery: pd.DataFrame | None = None) -> list[str]:
    claims, tests = judge(CLAIMS, evidence(table, surgery))
    to_arrow(claims, CAUSAL_CLAIMS)
    to_arrow(tests, CAUSAL_CLAIM_TESTS)
    return [claim["verdict"] for claim in claims]


def applying(table: pd.DataFrame) -> dict[int, str]:
    rows = readings(evidence(table))
    to_arrow(rows, CAUSAL_READINGS)
    return {row["reading"]: row["verdict"] for row in rows}


def surgery(*, lost: float, left: float, noise: float = 0.001, seed: int = 0) -> pd.DataFrame:
    """Truncation that loses some bits per byte, of which some are left after recovery."""
    rng = np.random.default_rng(seed)
    rows = []
    stages = {"operated": lost, "head": lost / 2, "all": left}
    for run in range(8):
        for stage, harm in stages.items():
            for operation, beyond in (("sham", np.nan), ("truncate", harm), ("gauge", 0.0)):
                place = {"run": f"run{run}", "seed": run, "operation": operation, "stage": stage}
                steps = 0 if stage == "operated" else 100
                difference = {"id_bits_per_byte_difference": beyond + rng.normal(0, noise)}
                rows.append(place | {"steps": steps} | difference)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        # rank does nothing, hard limits do
        ({"direct": HARD, "noise": QUIET}, ["holds", "holds", "holds"]),
        # rank does it, gauge does something, hard limits do what the same rank does
        (
            {"slope": -0.5, "direct": {"shifted": 0.05}, "noise": QUIET},
            ["fails", "fails", "fails"],
        ),
        # factors cost something, the limit of their rank nothing
        (
            {"direct": {"narrow": 0.1, "factors": 0.1}, "noise": QUIET},
            ["holds", "holds", "fails"],
        ),
        # the limit costs something, and less than the bound per tenth of d
        (
            {"direct": {"narrow": 0.105, "factors": 0.1}, "noise": 0.001},
            ["holds", "holds", "fails"],
        ),
        # too noisy to tell
        ({"direct": {"narrow": 0.05}, "noise": 8 * SEED_NOISE}, ["undecided"] * 3),
    ],
)
def test_verdicts_are_the_planted_ones(planted: dict, expected: list[str]) -> None:
    assert verdicts(experiment(**planted))[:3] == expected


def test_what_is_undecided_says_how_many_runs_would_decide() -> None:
    claims, tests = judge(CLAIMS, evidence(experiment(noise=4 * SEED_NOISE)))
    by_claim = pd.DataFrame(claims).set_index("claim")
    assert by_claim.loc[1, "verdict"] == "undecided" and by_claim.loc[1, "runs_to_decide"] > 60
    assert by_claim.loc[4, "note"] == "this study has no data on this claim"
    # the slope's own test, as the table has it
    slope = next(test for test in tests if test["part"] == "slope over doses")
    assert slope["table"] == "causal_slopes" and slope["decides"] and slope["n"] == 60


def test_a_u_is_no_flat_line() -> None:
    bent = {"low": 0.09, "lower": 0.01, "higher": 0.01, "high": 0.0729}
    table = experiment(direct=bent, noise=QUIET)
    _, tests = judge(CLAIMS, evidence(table))
    by_part = pd.DataFrame(tests).query("claim == 1").set_index("part")
    assert by_part.loc["slope over doses", "verdict"] == "holds"
    assert by_part.loc["slope at the lowest rank", "decides"]
    assert verdicts(table)[0] == "fails"


def test_evidence_is_found_again_by_its_query() -> None:
    table = experiment(direct=HARD)
    _, tests = judge(CLAIMS, evidence(table))
    slopes = pd.DataFrame(estimate_causal(table, SETTINGS).slopes)
    for test in tests:
        rows = (slopes if test["table"] == "causal_slopes" else table).query(test["filter"])
        assert len(rows) == (1 if test["table"] == "causal_slopes" else test["n"]), test["part"]


@pytest.mark.parametrize(
    ("planted", "applies", "undecided"),
    [
        ({"direct": HARD, "noise": QUIET}, {1, 4}, set()),
        # the gauge arm's rank varies by chance, and so does its loss
        ({"slope": -0.5, "noise": QUIET}, {2}, {6}),
        ({"slope": 0.5, "noise": QUIET}, {2}, {6}),
        # a sham, or the norm, that does about as much as the lowest dose
        ({"slope": -0.5, "direct": {"turned": 0.1}, "noise": QUIET}, {5}, {6}),
        ({"slope": -0.5, "direct": {"shrunk": 0.1}, "noise": QUIET}, set(), {6}),
        ({"direct": LEVER, "noise": QUIET}, {3}, set()),
        ({"direct": {"low": 0.1, "turned": 0.1}, "noise": QUIET}, {3, 5}, set()),
        ({"direct": {"shifted": 0.05}, "noise": QUIET}, {1, 6}, {4}),
    ],
)
def test_readings_are_the_planted_ones(
    planted: dict, applies: set[int], undecided: set[int]
) -> None:
    found = applying(experiment(**planted))
    assert {number for number, verdict in found.items() if verdict == "applies"} == applies
    open_ = {number for number, verdict in found.items() if verdict == "undecided"}
    assert open_ <= undecided
    assert list(found) == [claim.number for claim in READINGS]


def test_an_effect_that_is_certain_and_too_small_is_none() -> None:
    table = experiment(slope=-0.05, noise=0.0005)
    assert verdicts(table)[0] == "holds"
    found = applying(table)
    assert found[1] == "applies" and found[2] == found[3] == "does not apply"


def test_a_study_without_an_arm_leaves_its_claims_undecided() -> None:
    few = experiment(arms=("", "low", "high"), noise=QUIET)
    assert verdicts(few) == ["holds", "undecided", "undecided", "undecided"]
    claims, _ = judge(CLAIMS, evidence(few))
    assert claims[1]["note"] == "the experiment has no gauge arm"
    none = experiment().query("arm == ''")
    assert verdicts(none) == ["undecided"] * 4
    assert set(applying(none).values()) == {"undecided"}


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ({"lost": 0.5, "left": 0.01}, "holds"),
        ({"lost": 0.5, "left": 0.2}, "fails"),
        ({"lost": 0.5, "left": 0.05, "noise": 0.05}, "undecided"),
        # nothing was lost, so nothing can come back
        ({"lost": 0.0, "left": 0.0}, "undecided"),
    ],
)
def test_recovery_is_judged_by_what_was_lost(planted: dict, expected: str) -> None:
    assert verdicts(experiment(), surgery(**planted))[3] == expected


def test_recovery_of_all_weights_decides_and_that_of_w_alone_is_shown() -> None:
    _, tests = judge(CLAIMS, evidence(experiment(), surgery(lost=0.5, left=0.01)))
    rows = pd.DataFrame(tests).query("claim == 4").set_index("part")
    assert rows.index[rows["decides"]].tolist() == ["truncate: after 100 steps of all weights"]
    assert rows.loc["truncate: after 100 steps of W alone", "verdict"] == "fails"
    assert rows.loc["truncate: loss beyond the checkpoint's", "observed"] == pytest.approx(
        0.5, abs=0.01
    )


def test_cells_are_judged_one_by_one() -> None:
    small = experiment(noise=QUIET)
    large = experiment(slope=-0.5, noise=QUIET, seed=1).assign(size="2M")
    large = large.assign(run="large" + large["run"])
    table = pd.concat([small, large], ignore_index=True)
    _, tests = judge(CLAIMS, evidence(table))
    rows = pd.DataFrame(tests).set_index("part")["verdict"]
    assert rows["1M bs8: slope over doses"] == "holds"
    assert rows["2M bs8: slope over doses"] == "fails"
    assert verdicts(table)[0] == "fails"
