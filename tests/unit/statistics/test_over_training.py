"""The association at each stage of training: a planted turn of its sign, arm by arm."""

import numpy as np
import pandas as pd
import pytest

from disentangle.figures.rank_and_regime import rank_and_regime
from disentangle.observations.analyze import analyze
from disentangle.statistics.design import cells, families, family_configurations, trunks
from disentangle.statistics.over_training import ALL, FEWEST, arms, over_training
from disentangle.tables.estimated import OVER_TRAINING
from disentangle.tables.files import to_arrow

SHARES = np.array([0.01, 0.1, 0.5, 1.0])


def suite(decays: tuple[float, ...] = (0.1,), scaled: bool = False) -> pd.DataFrame:
    """Runs of five batch sizes and three seeds. Rank and loss rise together before one step over
    tau, and oppose each other after."""
    random = np.random.default_rng(0)
    rows = []
    choices = [
        (decay, batch, beta, seed)
        for decay in decays
        for batch in (8, 16, 32, 64, 128)
        for beta in ({20.0, 20.0 * 32 / batch} if scaled else {20.0})
        for seed in (0, 1, 2)
    ]
    for i, (decay, batch, beta, seed) in enumerate(choices):
        steps = 8192 * 32 // batch
        fixed = {
            **{"run": f"r{i}", "size": "a", "params_non_embedding": 1e3, "variant": "base"},
            **{"tokens_budget": 1e6, "batch_size": float(batch), "weight_decay": decay},
            **{"learning_rate": 1.0, "learning_rate_multiple": 1.0, "final_lr": 0.1},
            **{"beta2_steps": beta, "head_decay": 1.0, "seed": seed, "status": "complete"},
        }
        for step in (0, *(SHARES * steps).astype(int)):
            tau = step * 0.01 * decay
            rank = np.log2(batch) + 0.01 * random.standard_normal()
            rows.append(
                fixed
                | {"step": step, "final": step == steps, "tokens": float(step * batch)}
                | {"steps_over_tau": tau, "W_effective_rank_pct": rank}
                | {"id_bits_per_byte": (rank if tau < 1 else -rank) + 0.01 * seed}
            )
    return pd.DataFrame(rows)


def found(table: pd.DataFrame) -> pd.DataFrame:
    rows = over_training(table, "id_bits_per_byte", "W_effective_rank_pct", resamples=100, seed=0)
    return to_arrow(rows, OVER_TRAINING).to_pandas()


def test_the_sign_turns_where_it_was_planted() -> None:
    table = found(suite())
    assert table["arm"].unique().tolist() == [ALL]
    assert table["share"].tolist() == pytest.approx(SHARES.tolist(), rel=0.05)
    assert table["n"].tolist() == [15] * 4
    # at a hundredth of training 8 steps of 1000 at the middle batch; batches differ by sixteen
    assert table["steps_over_tau"].tolist() == pytest.approx([0.082, 0.82, 4.1, 8.2], rel=0.05)
    assert table["rho"].iloc[0] > 0.9 and table["rho"].iloc[-1] < -0.9


def test_arms_are_those_of_one_decay_and_one_memory() -> None:
    table = suite(decays=(0.02, 0.1), scaled=True)
    named = dict(arms(table[table["final"]]))
    assert len(named[ALL]) == 2 * (5 + 4) * 3
    fixed = named["weight decay 0.1, beta2 fixed"]
    scaled = named["weight decay 0.1, beta2 scaled with the batch"]
    assert (len(fixed), len(scaled), len(fixed & scaled)) == (15, 15, 3)  # the middle batch is both
    assert not fixed & named["weight decay 0.02, beta2 fixed"]
    assert list(dict(arms(suite()[suite()["final"]]))) == [ALL]
    # where only the middle batch has a scaled memory, that is the fixed arm again
    alone = table[(table["weight_decay"] == 0.1) | (table["beta2_steps"] == 20)]
    middle = alone[alone["batch_size"] == 32]
    more = [middle.assign(run=middle["run"] + letter) for letter in "abc"]  # enough for an arm
    for there in (alone, pd.concat([alone, *more])):
        named = dict(arms(there[there["final"]]))
        assert "weight decay 0.02, beta2 fixed" in named
        assert "weight decay 0.02, beta2 scaled with the batch" not in named


def test_a_turn_by_steps_over_tau_comes_later_with_less_decay() -> None:
    table = found(suite(decays=(0.01, 0.1)))
    at_a_tenth = table[table["checkpoint"] == 3].set_index("arm")["rho"]
    assert at_a_tenth["weight decay 0.1"] < 0 < at_a_tenth["weight decay 0.01"]


def test_too_few_runs_or_unknown_memory_give_no_rows() -> None:
    few = suite()[lambda table: table["batch_size"] == 8]
    assert few["run"].nunique() < FEWEST
    assert found(few).empty
    assert found(suite().drop(columns="steps_over_tau")).empty
    assert found(suite().assign(steps_over_tau=np.nan)).empty
    assert len(rank_and_regime(found(few)).axes) == 1


def test_the_whole_analysis_has_the_table_and_the_figure_its_arms() -> None:
    table = analyze(suite(decays=(0.01, 0.1))).over_training
    assert table["arm"].nunique() == 3
    panel, _ = rank_and_regime(table).axes
    labels = panel.get_legend_handles_labels()[1]
    assert labels == ["weight decay 0.01 (15 runs)", "weight decay 0.1 (15 runs)"]


def test_branches_are_left_out_and_are_one_unit_with_their_trunk() -> None:
    trunk = suite().assign(cooldown=0.2)
    branches = trunk[trunk["step"] >= trunk.groupby("run")["step"].transform("max") / 3]
    branches = branches.assign(run=branches["run"] + "-half", tokens_budget=5e5)
    both = pd.concat([trunk, branches], ignore_index=True)
    of = {"outcome": "id_bits_per_byte", "metric": "W_effective_rank_pct", "resamples": 50}
    usual = over_training(trunk, **of, seed=0)
    # few checkpoints of one branch per trunk, of three, and as many checkpoints as the trunk has
    three = [branches.assign(run=branches["run"] + letter) for letter in "abc"]
    often = trunk.assign(run=trunk["run"] + "-often", tokens_budget=5e5)
    for further in ([branches], three, [often]):
        assert over_training(pd.concat([trunk, *further]), **of, seed=0) == usual
    finals = both[both["step"] == both.groupby("run")["step"].transform("max")]
    assert len(np.unique(cells(finals))) == 10
    assert len(np.unique(families(finals))) == len(np.unique(family_configurations(finals))) == 5
    cosine = finals.assign(cooldown=0.0)
    assert len(np.unique(families(cosine))) == 10
    assert trunks(cosine).all() and trunks(finals).sum() == len(finals) / 2
