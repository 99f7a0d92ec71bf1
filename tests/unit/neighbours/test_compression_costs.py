"""Compression: what is planted of rank and cost is found, and no truncation helps by chance."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from disentangle.claims.judge import judge
from disentangle.claims.neighbours.compression import CLAIMS
from disentangle.claims.neighbours.evidence import Findings
from disentangle.neighbours.chosen_truncations import chosen_truncations, split
from disentangle.neighbours.compression import tables_of
from disentangle.neighbours.suite import Suite
from disentangle.tables.files import to_arrow
from disentangle.tables.neighbours import BY_NAME

SIZES = {"1K": 1000, "4K": 4000, "16K": 16000}
BATCHES = (8, 16, 32, 64)
DECAYS = (0.01, 0.1, 0.5)
SEEDS = (0, 1)
WAYS = {
    "gptq-4bit": None,
    "truncated-half": ("svd", "rank 0.5", "down"),
    "truncated-most": ("svd", "energy 0.9", "down"),
    "pruned-50": ("magnitude", "sparsity 0.5", "all of the layers"),
}


def suite(effect: dict[str, float], passages: pd.DataFrame | None = None) -> Suite:
    """72 runs. Training moves both ranks and all costs; besides, a run's own part of a rank moves
    the cost of a variant by its `effect`: of W's rank if quantized or pruned, else the matrices'.
    """
    generator = np.random.default_rng(0)
    rows, left = [], []
    for (size, weights), batch, decay, seed in product(SIZES.items(), BATCHES, DECAYS, SEEDS):
        run = f"{size}_bs{batch}_wd{decay}_s{seed}"
        training = np.log(weights / 4000) / np.log(4) + np.log2(batch / 16) + np.log(decay)
        of_w, of_matrices, *noise = generator.standard_normal(2 + len(WAYS))
        base = {
            "run": run, "size": size, "params_non_embedding": weights, "step": 100,
            "tokens_budget": 10**6, "batch_size": batch, "weight_decay": decay,
            "learning_rate": 0.01, "learning_rate_multiple": 1.0, "final_lr": 0.1, "seed": seed,
            "final": True, "arm": "", "id_bits_per_byte": 2.0,
            "W_effective_rank_pct": 60 + 5 * training + 2 * of_w,
        }  # fmt: skip
        rows.append(base | {"variant": "base"})
        for (variant, how), own in zip(WAYS.items(), noise, strict=True):
            rank = of_matrices if variant.startswith("truncated") else of_w
            added = 0.3 + 0.05 * training + effect.get(variant, 0) * 0.04 * rank + 0.01 * own
            changed = {"id_bits_per_byte_change": added, "id_bits_per_byte_change_stderr": 0.01}
            rows.append(base | changed | {"variant": variant, "id_bits_per_byte": 2 + added})
            if how:
                said = dict(zip(("method", "strength", "matrices"), how, strict=True))
                left.append(
                    {"run": run, "step": 100, "variant": variant, "layers": "all"} | said
                    | {"kept": 0.5, "numbers": 0.7, "energy": 0.9}
                    | {"rank_pct": 70 + 5 * training + 2 * of_matrices}
                )  # fmt: skip
    return Suite(pd.DataFrame(rows), passages, compression=pd.DataFrame(left), resamples=100)


def judged(found: dict[str, pd.DataFrame]) -> dict[int, str]:
    for name, rows in found.items():
        table = BY_NAME[name]
        assert to_arrow(rows[table.schema.names], table).num_rows == len(rows)
    claims, _ = judge(CLAIMS, Findings(found, resamples=300, seed=0))
    return {claim["claim"]: claim["verdict"] for claim in claims}


@pytest.mark.parametrize(("sign", "verdict"), [(1.0, "holds"), (-1.0, "fails"), (0.0, "undecided")])
def test_the_sign_of_what_truncation_costs_is_found(sign: float, verdict: str) -> None:
    # to an energy it is judged by nobody, whatever it is
    found = tables_of(suite({"truncated-half": sign, "truncated-most": -1}))
    assert judged(found)[10] == verdict
    table = found["compression"].set_index(["variant", "rank_of"])
    row = table.loc[("truncated-half", "matrices")]
    assert row["rho"] > 0.8 or sign < 0, "training moves both"
    assert np.sign(row["residual"]) == sign or abs(row["residual"]) < 0.35
    assert row["n"] == 72 and row["strength"] == "rank 0.5"


def test_a_cost_that_rank_foretells_is_told_from_one_that_it_does_not() -> None:
    foretold = judged(tables_of(suite({"gptq-4bit": 1.0, "pruned-50": -1.0})))
    assert (foretold[11], foretold[12]) == ("holds", "holds")
    by_training_alone = judged(tables_of(suite({})))
    assert (by_training_alone[11], by_training_alone[12]) == ("undecided", "undecided")


def test_of_quantization_only_the_cost_is_known() -> None:
    found = tables_of(suite({}))
    rows = found["compressed"].query("variant == 'gptq-4bit'")
    assert len(rows) == 72
    assert set(rows["strength"]) == {"bits 4"} and set(rows["method"]) == {"gptq"}
    assert rows[["kept", "energy", "rank_pct"]].isna().all(axis=None)
    ranks = found["compression"].query("variant == 'gptq-4bit'")["rank_of"]
    assert list(ranks) == ["W"]


def test_nothing_compressed_gives_empty_tables_and_no_verdict() -> None:
    whole = suite({})
    base = whole.observations.query("variant == 'base'")
    base = base.drop(columns=[name for name in base if "_change" in name])
    assert set(judged(tables_of(Suite(base))).values()) == {"undecided"}


# The truncation that was chosen

BYTES = 100


def losses(gain: float, runs: int = 30, passages: int = 200, candidates: int = 20) -> pd.DataFrame:
    """Losses of passages, hard and easy ones; every truncation changes each of them by chance, and
    number 7 lowers all by `gain` bits per byte."""
    generator = np.random.default_rng(1)
    hard = generator.normal(200, 60, passages)
    rows = []
    for run in range(runs):
        base = hard + generator.normal(0, 5, passages)
        variants = {"base": base, "gptq-4bit": base - 50}
        for i in range(candidates):
            by_chance = generator.normal(0, 5, passages)
            variants[f"truncated-{i}"] = base + by_chance - (gain * BYTES if i == 7 else 0)
        rows += [
            {
                "run": f"run{run}", "step": 9, "tokens": 1, "variant": variant, "domain": "id",
                "bits": bits.astype(np.float32), "bytes": np.full(passages, BYTES, np.int32),
            }
            for variant, bits in variants.items()
        ]  # fmt: skip
    return pd.DataFrame(rows)


def runs(count: int = 30) -> pd.DataFrame:
    choices = {"params_non_embedding": 1000, "tokens_budget": 10**6, "batch_size": 8}
    choices |= {"weight_decay": 0.1, "learning_rate": 1.0, "final_lr": 0.1, "seed": 0, "size": "S"}
    rows = [{"run": f"run{i}", "step": 9} | choices | {"batch_size": i} for i in range(count)]
    return pd.DataFrame(rows)


def verdict(chosen: pd.DataFrame) -> str:
    found = Findings({"chosen_truncations": chosen, "compression": pd.DataFrame()}, 300, 0)
    claims, _ = judge(CLAIMS, found)
    return str(claims[3]["verdict"])


def test_by_chance_no_truncation_helps() -> None:
    chosen = chosen_truncations(runs(), losses(0), seed=0)
    assert (chosen["added_chosen"] < 0).all(), "the best of twenty looks good where it was chosen"
    assert chosen["added_chosen"].mean() < -0.01
    error = chosen["added_stderr"].mean() / np.sqrt(len(chosen))
    assert abs(chosen["added"].mean()) < 3 * error, "and is as good as any elsewhere"
    covered = (chosen["added_low"] <= 0) & (chosen["added_high"] >= 0)
    assert covered.mean() > 0.85
    assert verdict(chosen) == "undecided"


def test_a_planted_gain_is_chosen_and_found() -> None:
    chosen = chosen_truncations(runs(), losses(0.05), seed=0)
    assert set(chosen["variant"]) == {"truncated-7"}
    assert chosen["added"].mean() == pytest.approx(-0.05, abs=0.003)
    assert (chosen["candidates"] == 20).all()
    assert verdict(chosen) == "holds"


def test_a_planted_loss_everywhere_fails() -> None:
    table = losses(0)
    truncated = table["variant"].str.startswith("truncated")
    table.loc[truncated, "bits"] = table.loc[truncated, "bits"] + 10
    assert verdict(chosen_truncations(runs(), table, seed=0)) == "fails"


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    from scipy.stats import ttest_rel

    table = losses(0.01, runs=1)
    row = chosen_truncations(runs(1), table, seed=0).iloc[0]
    _, test = split(200, 0)
    bits = table.set_index("variant")["bits"]
    paired = ttest_rel(bits[row["variant"]][test] / BYTES, bits["base"][test] / BYTES)
    interval = paired.confidence_interval(0.95)
    assert (row["added_low"], row["added_high"]) == pytest.approx(tuple(interval), rel=1e-4)


def test_passages_are_split_by_hash_into_a_fifth_and_the_rest() -> None:
    choose, test = split(200, 0)
    assert (len(choose), len(test)) == (40, 160)
    assert sorted([*choose, *test]) == list(range(200))
    again, _ = split(200, 0)
    other, _ = split(200, 1)
    assert (again == choose).all() and set(other) != set(choose)
    assert [len(part) for part in split(8, 0)] == [2, 6]


def test_too_few_passages_or_nothing_truncated_give_no_row() -> None:
    assert chosen_truncations(runs(), losses(0, passages=4), seed=0).empty
    table = losses(0)
    assert chosen_truncations(runs(), table.query("variant in ('base', 'gptq-4bit')"), seed=0).empty
