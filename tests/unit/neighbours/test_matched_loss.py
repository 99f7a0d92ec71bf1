"""Matched loss: what is planted at equal loss is found there, and what is not is not."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import PchipInterpolator

from disentangle.claims.judge import judge
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.neighbours.matched_loss import CLAIMS
from disentangle.neighbours.matched_loss import Curve, match, tables_of
from disentangle.neighbours.suite import Suite
from disentangle.tables.files import to_arrow
from disentangle.tables.neighbours import MATCHED, MATCHED_EFFECTS

SIZES = {"1K": 1000, "4K": 4000, "16K": 16000}
BATCHES = (8, 16, 32, 64)
DECAYS = (0.01, 0.1, 0.5)
STEPS = (0, 10, 30, 100, 300, 1000, 3000, 10000)


def observations(size_on_ood: float = 0.0, batch_on_rank: float = 0.0) -> pd.DataFrame:
    """36 runs whose ID loss falls as a power of the step, faster in larger models.

    At equal loss, other text costs the same at every size but for `size_on_ood`, and rank is the
    same at every batch size but for `batch_on_rank`.
    """
    generator = np.random.default_rng(0)
    rows = []
    for (size, weights), batch, decay in product(SIZES.items(), BATCHES, DECAYS):
        run = f"{size}_bs{batch}_wd{decay}"
        scale = np.log(weights / 4000) / np.log(4)  # -1, 0, 1
        speed = 0.3 + 0.05 * scale - 0.02 * np.log2(batch / 16) + 0.01 * generator.standard_normal()
        own = 0.02 * generator.standard_normal(2)
        for step in STEPS:
            loss = 2 + 2 * (1 + step) ** -speed
            rows.append(
                {
                    "run": run, "size": size, "params_non_embedding": weights, "step": step,
                    "tokens_budget": 10**6, "batch_size": batch, "weight_decay": decay,
                    "learning_rate": 0.01, "learning_rate_multiple": 1.0, "final_lr": 0.1,
                    "seed": 0, "variant": "base", "final": step == STEPS[-1], "arm": "",
                    "configuration": f"bs{batch}_wd{decay}",
                    "id_bits_per_byte": loss,
                    "ood_bits_per_byte": 1 + loss**2 / 3 + 0.1 * size_on_ood * scale + own[0],
                    "W_effective_rank_pct": 50 + 20 * (loss - 2) ** 2
                    + 4 * batch_on_rank * np.log2(batch / 16) - 3 * batch_on_rank * np.log(decay)
                    + 20 * own[1],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def judged(found: dict[str, pd.DataFrame]) -> list[str]:
    to_arrow(found["matched"], MATCHED)
    to_arrow(found["matched_effects"], MATCHED_EFFECTS)
    claims, _ = judge(CLAIMS, Findings(found, resamples=300, seed=0))
    return [claim["verdict"] for claim in claims]


def effect(found: dict[str, pd.DataFrame], response: str, choice: str) -> pd.Series:
    table = found["matched_effects"]
    rows = table[(table["response"] == response) & (table["choice"] == choice)]
    return rows[rows["reached"] == 0.75].iloc[0]


@pytest.mark.parametrize(("size", "batch"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_what_is_planted_at_equal_loss_is_found(size: float, batch: float) -> None:
    found = tables_of(Suite(observations(size, batch), resamples=300))
    verdicts = judged(found)
    assert verdicts[0] == ("fails" if size else "undecided")  # 27 runs cannot rule out .2
    assert verdicts[1] == ("holds" if batch else "undecided")
    on_ood = effect(found, "ood_bits_per_byte", "params_non_embedding")
    assert abs(on_ood["rho"]) > 0.9 if size else abs(on_ood["rho"]) < 0.35


def test_an_effect_through_the_loss_is_gone_at_equal_loss() -> None:
    """Size lowers the other loss by lowering the ID loss, and by nothing else."""
    found = tables_of(Suite(observations(), resamples=300))
    row = effect(found, "ood_bits_per_byte", "params_non_embedding")
    assert row["end_high"] < -0.4
    assert row["low"] < 0 < row["high"]


def test_values_are_those_of_the_curve_within_their_errors() -> None:
    table = observations()
    matched = match(Suite(table))
    own = table[table["step"] == 0].set_index("run")["W_effective_rank_pct"]
    start = 50 + 20 * (table[table["step"] == 0].set_index("run")["id_bits_per_byte"] - 2) ** 2
    of_rank = matched[matched["quantity"] == "W_effective_rank_pct"]
    truth = 50 + 20 * (of_rank["loss"] - 2) ** 2 + of_rank["run"].map(own - start)
    missed = (of_rank["value"] - truth).abs()
    assert missed.max() < 0.1
    known = of_rank["error"].notna()
    assert known.mean() > 0.8
    assert (missed[known] <= of_rank["error"][known]).mean() > 0.9
    assert set(matched.groupby("reached")["run"].nunique()) == {32, 27, 18}


def test_the_place_is_the_inverse_of_the_monotone_cubic() -> None:
    x = np.log([1.0, 3, 10, 30, 100])
    loss = np.array([4.0, 3.2, 2.7, 2.5, 2.45])
    curve = Curve(x, loss, np.column_stack([x, x**2]))
    for wanted in (3.9, 3.0, 2.6, 2.46):
        place = curve.place_of(wanted)
        assert PchipInterpolator(x, loss)(place) == pytest.approx(wanted, abs=1e-12)
        assert curve.at(place)[0] == pytest.approx(place)  # a line is interpolated exactly
    assert np.isnan(curve.place_of(4.1)) and np.isnan(curve.place_of(2.4))
    assert curve.place_of(4.0) == pytest.approx(x[0]) and curve.place_of(2.45) <= x[-1]


def test_a_loss_that_rises_again_is_reached_once() -> None:
    x = np.log([1.0, 3, 10, 30, 100, 300])
    loss = np.array([4.0, 3.0, 2.4, 2.6, 2.5, 2.3])
    curve = Curve(x, loss, x[:, None])
    assert curve.place_of(2.5) == pytest.approx(x[2])  # the pooled stretch begins there
    assert x[0] < curve.place_of(3.5) < x[1]


def test_a_late_rise_changes_nothing_before_it() -> None:
    x = np.log([1.0, 3, 10, 30, 100, 300])
    loss = np.array([4.0, 3.0, 2.4, 2.6, 4.5, 6.0])
    curve, before = Curve(x, loss, x[:, None]), Curve(x[:3], loss[:3], x[:3, None])
    for wanted in (3.5, 2.5, 2.4):
        assert curve.place_of(wanted) == before.place_of(wanted)
    assert np.isnan(curve.place_of(2.39))


def test_flat_and_short_curves_give_no_row() -> None:
    table = observations()
    short = table[table["step"].isin([0, 10, 10000])]
    assert match(Suite(short)).empty
    assert judged(tables_of(Suite(short))) == ["undecided", "undecided"]
    flat = Curve(np.log([1.0, 2, 3, 4]), np.full(4, 2.0), np.zeros((4, 1)))
    assert np.isnan(flat.place_of(2.0))
