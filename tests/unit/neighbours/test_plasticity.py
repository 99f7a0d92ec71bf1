"""Plasticity: the best fine-tuning is not flattered, and planted inversions are found."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from disentangle.claims.judge import judge
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.neighbours.plasticity import CLAIMS
from disentangle.figures.plasticity import plasticity_figure
from disentangle.neighbours.plasticity import choosing_half, plasticity, tables_of
from disentangle.neighbours.suite import Suite
from disentangle.tables.comparable import final_runs
from disentangle.tables.files import to_arrow
from disentangle.tables.neighbours import ORDER_INVERSIONS, PLASTICITY

SIZES = {"1K": 1000, "4K": 4000, "16K": 16000}
DECAYS = (0.01, 0.1, 0.3, 1.0)
SEEDS = (0, 1, 2, 3)
RATES = {"finetuned-slow": 0.1, "finetuned-mid": 0.3, "finetuned-fast": 1.0}
PASSAGES = 40


def world(
    on_base: float, on_after: float, spread: float = 0.0, noise: float = 0.004
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Observations and passages of 3 sizes x 4 decays x 4 seeds.

    Each doubling of decay moves ID loss by `on_base` and the loss after the fine-tuning with the
    middle rate by `on_after`; `spread` is the noise of single passages.
    """
    generator = np.random.default_rng(1)
    rows, passages = [], []
    for (size, weights), decay, seed in product(SIZES.items(), DECAYS, SEEDS):
        run = f"{size}_wd{decay}_s{seed}"
        doublings = np.log2(decay / 0.1)
        level = 3 - 0.1 * np.log(weights / 4000)
        base = level + on_base * doublings + noise * generator.standard_normal()
        after = level + 0.5 + on_after * doublings + noise * generator.standard_normal()
        rows.append(
            {
                "run": run, "size": size, "params_non_embedding": weights, "step": 100,
                "tokens_budget": 10**6, "batch_size": 16, "weight_decay": decay,
                "learning_rate": 0.01, "learning_rate_multiple": 1.0, "final_lr": 0.1,
                "seed": seed, "variant": "base", "final": True, "arm": "",
                "configuration": f"wd{decay}", "id_bits_per_byte": base,
                "W_effective_rank_pct": 50 + generator.standard_normal(),
            }
        )  # fmt: skip
        losses = {"base": level + 1.5}
        losses |= {name: after + 0.1 * abs(np.log(rate / 0.3)) for name, rate in RATES.items()}
        for variant, loss in losses.items():
            of_passages = loss + spread * generator.standard_normal(PASSAGES)
            passages.append(
                {
                    "run": run, "step": 100, "tokens": 1, "variant": variant, "domain": "code",
                    "bits": 100 * of_passages, "bytes": np.full(PASSAGES, 100),
                }
            )  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(passages)


def suite(observations: pd.DataFrame, passages: pd.DataFrame) -> Suite:
    targets = dict.fromkeys(RATES, "code")
    return Suite(observations, passages, targets=targets, rates=RATES, resamples=300)


def judged(given: Suite) -> tuple[list[str], dict[str, pd.DataFrame]]:
    found = tables_of(given)
    to_arrow(found["plasticity"][PLASTICITY.schema.names], PLASTICITY)
    to_arrow(found["order_inversions"], ORDER_INVERSIONS)
    claims, _ = judge(CLAIMS, Findings(found, resamples=300, seed=0))
    return [claim["verdict"] for claim in claims], found


def test_decay_that_hurts_the_base_and_helps_after_is_found() -> None:
    verdicts, _ = judged(suite(*world(on_base=0.03, on_after=-0.04, noise=0.06)))
    assert verdicts[:2] == ["holds", "holds"]


def test_planted_inversions_are_found() -> None:
    given = suite(*world(on_base=0.03, on_after=-0.04, noise=0.02))
    verdicts, found = judged(given)
    assert verdicts[2] == "holds"
    pairs = found["order_inversions"]
    assert len(pairs) == 3 * 4 * 6
    # decays of a pair differ by 1.6 to 6.6 doublings: .05 to .2 bits, where noise is .03
    assert (pairs["verdict"] == "inverted").mean() > 0.4
    assert (pairs["verdict"] == "kept").sum() == 0
    plotted = plasticity_figure(found["plasticity"], final_runs(given.observations, "base"))
    assert len(plotted.axes[0].lines) == 3 * 4


def test_decay_that_hurts_both_keeps_the_order() -> None:
    verdicts, found = judged(suite(*world(on_base=0.03, on_after=0.04)))
    assert verdicts[:3] == ["fails", "fails", "undecided"]
    assert (found["order_inversions"]["verdict"] == "inverted").sum() == 0
    assert (found["order_inversions"]["verdict"] == "kept").mean() > 0.8


def test_noise_inverts_no_order() -> None:
    verdicts, found = judged(suite(*world(on_base=0.0, on_after=0.0)))
    assert verdicts[2] == "undecided"
    assert (found["order_inversions"]["verdict"] == "undecided").mean() > 0.95


def test_rank_that_training_moves_with_the_loss_adds_nothing() -> None:
    """Decay moves rank and the loss after; rank does nothing. Planted beside it, it is found."""
    observations, passages = world(on_base=0.02, on_after=0.06, noise=0.02)
    generator = np.random.default_rng(3)
    doublings = np.log2(observations["weight_decay"] / 0.1)
    moved = 50 - 5 * doublings + generator.standard_normal(len(observations))
    confounded = suite(observations.assign(W_effective_rank_pct=moved), passages)
    assert judged(confounded)[0][3] == "undecided"
    after = tables_of(confounded)["plasticity"].set_index("run")["after"]
    within = observations["run"].map(after)
    own = within - within.groupby([observations["size"], observations["weight_decay"]]).transform(
        "mean"
    )
    planted = suite(observations.assign(W_effective_rank_pct=moved + 300 * own), passages)
    assert judged(planted)[0][3] == "holds"


def test_without_seeds_no_order_is_decided() -> None:
    observations, passages = world(on_base=0.02, on_after=-0.03)
    one = observations[observations["seed"] == 0]
    verdicts, found = judged(suite(one, passages))
    assert verdicts[2] == "undecided"
    assert set(found["order_inversions"]["verdict"]) == {"undecided"}


def test_the_best_rate_is_chosen_and_an_edge_is_said() -> None:
    observations, passages = world(on_base=0.0, on_after=0.0)
    found = plasticity(suite(observations, passages))
    assert set(found["chosen"]) == {"finetuned-mid"} and not found["at_edge"].any()
    assert set(found["targets"]) == {3} and set(found["finetuning_rate"]) == {0.3}
    two = dict.fromkeys(("finetuned-mid", "finetuned-fast"), "code")
    given = Suite(observations, passages, targets=two, rates=RATES)
    assert plasticity(given)["at_edge"].isna().all()


def test_choosing_among_equals_flatters_no_loss() -> None:
    """Twenty fine-tunings that differ in the noise of passages alone."""
    observations, _ = world(on_base=0.0, on_after=0.0)
    generator = np.random.default_rng(2)
    names = [f"finetuned-{i}" for i in range(20)]
    rows = [
        {
            "run": run, "step": 100, "tokens": 1, "variant": name, "domain": "code",
            "bits": 100 * (3 + generator.standard_normal(PASSAGES)),
            "bytes": np.full(PASSAGES, 100),
        }
        for run in observations["run"]
        for name in ("base", *names)
    ]  # fmt: skip
    given = Suite(observations, pd.DataFrame(rows), targets=dict.fromkeys(names, "code"))
    after = plasticity(given)["after"]
    assert after.mean() == pytest.approx(3, abs=0.1)  # the lowest of 20 means of 20 is about 2.6
    chooses = choosing_half(PASSAGES, 0)
    assert chooses.sum() == PASSAGES // 2


def test_a_suite_without_passages_has_no_rows() -> None:
    observations, _ = world(0.0, 0.0)
    verdicts, found = judged(Suite(observations, targets=dict.fromkeys(RATES, "code")))
    assert found["plasticity"].empty and set(verdicts) == {"undecided"}
