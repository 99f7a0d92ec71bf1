"""Errors of differences, passage by passage: against the closed form, the bootstrap, and worlds
whose noise is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disentangle.claims.examples import high_rank_high_loss
from disentangle.evaluation.scores import ratio_with_error
from disentangle.statistics.contrasts import error_by_passages
from disentangle.statistics.effects import effects
from disentangle.statistics.noise import noise_floor
from disentangle.statistics.saturation import judge_runs
from disentangle.tables.collect import with_changes
from disentangle.tables.passages import NONE, Passages, covariance_of_ratios

LOSS = "id_bits_per_byte"
PASSAGES = 400


def drawn(seed: int, k: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits of k models on n passages of different difficulty, and the passages' bytes."""
    random = np.random.default_rng(seed)
    sizes = random.integers(40, 400, n).astype(float)
    hard = random.normal(2, 0.5, n)
    return sizes * (hard + random.normal(0, 0.1, (k, n)) + 0.1 * np.arange(k)[:, None]), sizes


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 50))
def test_variances_and_differences_are_those_of_single_ratios(seed: int, k: int, n: int) -> None:
    totals, sizes = drawn(seed, k, n)
    covariance = covariance_of_ratios(totals, sizes)
    for j in range(k):
        assert covariance[j, j] == pytest.approx(ratio_with_error(totals[j], sizes)[1] ** 2)
        difference = ratio_with_error(totals[j] - totals[0], sizes)[1]
        weight = np.eye(k)[j] - np.eye(k)[0]
        assert np.sqrt(max(0, weight @ covariance @ weight)) == pytest.approx(difference, abs=1e-9)


def test_the_covariance_is_that_of_resampled_passages() -> None:
    totals, sizes = drawn(0, 3, 500)
    random = np.random.default_rng(1)
    picks = random.integers(0, 500, (4000, 500))
    ratios = np.array([totals[:, pick].sum(axis=1) / sizes[pick].sum() for pick in picks])
    assert covariance_of_ratios(totals, sizes) == pytest.approx(np.cov(ratios.T), rel=0.1)


def table(bits: dict[str, np.ndarray], sizes: np.ndarray, **where: Any) -> pd.DataFrame:
    """The passages table of the last checkpoints of some runs."""
    return pd.DataFrame(
        {"run": run, "step": 10, "variant": "base", "domain": "id", "bits": row, "bytes": sizes}
        | where
        for run, row in bits.items()
    )


def test_other_passages_and_unknown_ones_have_no_covariance() -> None:
    totals, sizes = drawn(0, 2, 20)
    shuffled = table({"b": totals[1]}, sizes[::-1])
    known = Passages(pd.concat([table({"a": totals[0]}, sizes), shuffled]))
    a, b, c = [(run, 10, "base") for run in "abc"]
    assert known.covariance(LOSS, [a]) is not None
    assert known.covariance(LOSS, [a, b]) is None
    assert known.covariance(LOSS, [a, c]) is None
    assert known.covariance("id_loss", [a]) is None
    assert known.covariance("ood_bits_per_byte", [a]) is None
    assert np.isnan(known.error(LOSS, {a: 1.0, c: -1.0}))
    assert not NONE.has(LOSS)


def suite(effects_of: dict[str, float], seeds: int = 2) -> tuple[pd.DataFrame, Passages]:
    """Runs that differ in batch size, whose true loss is known: their passages alone are noise."""
    random = np.random.default_rng(3)
    sizes = random.integers(40, 400, PASSAGES).astype(float)
    hard = random.normal(2, 0.5, PASSAGES)
    rows, bits = [], {}
    for batch, true in effects_of.items():
        for seed in range(seeds):
            run = f"b{batch}_s{seed}"
            bits[run] = sizes * (hard + true + random.normal(0, 0.1, PASSAGES))
            rows.append(
                {
                    **{"run": run, "step": 10, "variant": "base", "seed": seed, "size": "a"},
                    **{"batch_size": float(batch), "tokens_budget": 1e6, "weight_decay": 0.1},
                    **{"learning_rate": 0.01, "final_lr": 0.1, "params_non_embedding": 1000},
                    LOSS: bits[run].sum() / sizes.sum(),
                    "rank": float(len(rows)),
                }
            )
    return pd.DataFrame(rows), Passages(table(bits, sizes))


def test_noise_from_passages_alone_is_known_as_that() -> None:
    runs, passages = suite({"8": 0.0}, seeds=40)
    runs = pd.concat([runs, runs.head(2).assign(batch_size=16.0, run=["c", "d"])])
    found = noise_floor(runs.head(41), LOSS, passages)
    assert found["sd_passages"] == pytest.approx(found["sd_within"], rel=0.3)
    assert np.isnan(noise_floor(runs, LOSS)["sd_passages"])


def test_a_slopes_error_from_passages_is_that_of_the_difference() -> None:
    runs, passages = suite({"8": 0.0, "16": 0.3}, seeds=1)
    low, high = [(run, 10, "base") for run in runs["run"]]
    of_difference = passages.error(LOSS, {high: 1.0, low: -1.0})
    assert error_by_passages(runs, "batch_size", LOSS, None, passages) == pytest.approx(
        of_difference
    )
    many, passages = suite({"8": 0.0, "16": 0.1, "32": 0.2}, seeds=3)
    (row,) = effects(many, [LOSS], passages)
    assert abs(row["slope"] - 0.1) < 4 * row["passages_se"]
    assert 0 < row["passages_se"] < 0.01
    assert np.isnan(effects(many, [LOSS])[0]["passages_se"])


def test_without_seeds_a_counterexample_must_exceed_the_passages_error() -> None:
    runs, passages = suite({"8": 0.0, "16": 0.0, "32": 0.0, "64": 0.001, "128": 0.5}, seeds=1)
    named = high_rank_high_loss(runs, LOSS, "rank", passages)
    assert named["run"].tolist() == ["b128_s0"]
    (row,) = named.to_dict("records")
    assert 0 < row["margin"] == 2 * row["passages_se"] < 0.05


def test_a_change_by_a_perturbation_has_a_paired_error() -> None:
    totals, sizes = drawn(0, 2, 100)
    passages = Passages(
        pd.concat(
            [
                table({"a": totals[0]}, sizes),
                table({"a": totals[1]}, sizes, variant="gptq-3bit"),
            ]
        )
    )
    ratios = totals.sum(axis=1) / sizes.sum()
    joined = pd.DataFrame({"run": "a", "step": 10, "variant": ["base", "gptq-3bit"], LOSS: ratios})
    changed = with_changes(joined, passages).set_index("variant")
    value, error = ratio_with_error(totals[1] - totals[0], sizes)
    assert changed[f"{LOSS}_change"]["gptq-3bit"] == pytest.approx(value)
    assert changed[f"{LOSS}_change_stderr"]["gptq-3bit"] == pytest.approx(error)
    assert np.isnan(changed[f"{LOSS}_change_stderr"]["base"])
    assert f"{LOSS}_change_stderr" not in with_changes(joined)


def test_runs_are_judged_by_their_passages_or_as_assumed() -> None:
    totals, sizes = drawn(0, 1, PASSAGES)
    steps = np.arange(1, 9) * 10
    curve = np.r_[np.linspace(1, 0, 6), 0.02, 0.03]  # a late rise, small beside the error
    bits = [totals[0] + sizes * value for value in curve]
    passages = Passages(
        pd.concat(
            table({"a": row}, sizes, step=step) for step, row in zip(steps, bits, strict=True)
        )
    )
    values = [row.sum() / sizes.sum() for row in bits]
    error = ratio_with_error(totals[0], sizes)[1]
    observed = pd.DataFrame(
        {"run": "a", "step": steps, "variant": "base", LOSS: values, f"{LOSS}_stderr": error}
    )
    settings: dict[str, Any] = {"tolerance": 0.01, "resamples": 400, "seed": 0}
    (paired,) = judge_runs(observed, passages, **settings)
    assert (paired["verdict"], paired["errors"]) == ("saturated", "paired, passage by passage")
    assert paired["degradation_low"] == pytest.approx(0.03, abs=1e-6)
    (alone,) = judge_runs(observed, **settings)
    assert (alone["verdict"], alone["errors"]) == ("undecided", "assumed independent")
    (assumed,) = judge_runs(observed, **settings, correlation=0.99)
    assert (assumed["verdict"], assumed["errors"]) == ("saturated", "assumed correlation 0.99")
