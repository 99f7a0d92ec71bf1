"""What choices and seeds change, and which metrics agree: planted truths, and other libraries."""

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from disentangle.statistics.agreement import TOGETHER, agreement, correlations, metric_clusters
from disentangle.statistics.bootstrap import bootstrap_estimate
from disentangle.statistics.design import cells, design_matrix
from disentangle.statistics.effects import effects, varies_along
from disentangle.statistics.noise import noise_floor
from disentangle.statistics.rank_correlation import rank_correlation
from disentangle.statistics.residual import residual_spearman
from disentangle.tables.estimated import AGREEMENT, EFFECTS, NOISE
from disentangle.tables.files import to_arrow

BASE = {
    "tokens_budget": 32_000.0,
    "batch_size": 64.0,
    "weight_decay": 0.1,
    "learning_rate": 1.0,
    "final_lr": 0.1,
}
DEPARTURES = [
    {},
    *({"batch_size": float(batch)} for batch in (16, 32, 128, 256)),
    *({"weight_decay": decay} for decay in (0.0, 0.5)),
    *({"tokens_budget": 1000.0 * t, "batch_size": 3.0 * t} for t in (8, 16, 64)),
]


def runs(seeds: int = 3) -> pd.DataFrame:
    sizes = {"a": 4e6, "b": 8e6, "c": 16e6, "d": 32e6}
    rows = [
        {"size": size, "params_non_embedding": n, "seed": seed} | BASE | departure
        for size, n in sizes.items()
        for departure in DEPARTURES
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows).assign(run=[f"r{i}" for i in range(len(rows))])


def noisy(table: pd.DataFrame, values: pd.Series, seed: int = 0, sd: float = 0.1) -> pd.DataFrame:
    return table.assign(y=values + sd * np.random.default_rng(seed).standard_normal(len(table)))


def effect(table: pd.DataFrame, choice: str) -> dict:
    (row,) = [row for row in effects(table, ["y"]) if row["choice"] == choice]
    return row


def test_a_planted_u_is_one_and_upside_down_an_inverted_one() -> None:
    table = runs()
    turn = np.log2(table["batch_size"] / 64) ** 2
    assert effect(noisy(table, turn), "batch_size")["shape"] == "U"
    assert effect(noisy(table, -turn), "batch_size")["shape"] == "inverted U"
    bent = np.log2(table["batch_size"]) + 0.05 * turn  # bent, and rising throughout
    assert effect(noisy(table, bent), "batch_size")["shape"] == "rises"
    assert effect(noisy(table, -bent), "batch_size")["shape"] == "falls"


def test_a_bend_beside_many_that_are_none_needs_more_than_one_in_twenty() -> None:
    table = runs(seeds=2)
    names = [f"y{i}" for i in range(20)]
    named = []
    for seed in range(30):
        noise = np.random.default_rng(seed).standard_normal((len(table), 20))
        rows = effects(table.assign(**dict(zip(names, noise.T, strict=True))), names)
        named.append(any(row["shape"] != "no clear shape" for row in rows))
    assert np.mean(named) < 0.3, "of 60 rows each, three slopes are expected at p < 0.05"


def test_a_u_has_no_slope_and_is_named_by_its_own_p() -> None:
    table = runs()
    row = effect(noisy(table, -(np.log2(table["batch_size"] / 64) ** 2)), "batch_size")
    assert row["bend_q"] < 0.001 and row["shape"] == "inverted U"
    noise = effect(noisy(table, pd.Series(0.0, table.index), sd=1), "batch_size")
    assert noise["bend_q"] > 0.05 and noise["shape"] == "no clear shape"


def test_a_slope_that_turns_with_size_changes_sign() -> None:
    table = runs()
    size = np.log2(table["params_non_embedding"] / 11.3e6)
    turning = effect(noisy(table, 5 * size * table["weight_decay"]), "weight_decay")
    assert turning["over_size"] == "sign changes"
    assert turning["at_smallest"] < 0 < turning["at_largest"]
    assert turning["per"] == "unit", "it may be zero"
    steady = effect(noisy(table, 5 * table["weight_decay"]), "weight_decay")
    assert steady["over_size"] == "same sign"


def test_what_is_not_there_is_called_out_one_time_in_twenty() -> None:
    table = runs(seeds=2)
    nothing = pd.Series(0.0, table.index)
    found = [effect(noisy(table, nothing, seed), "batch_size") for seed in range(300)]
    wrong = np.mean([row["shape"] != "no clear shape" for row in found])
    assert (
        0.003 < wrong < 0.06
    )  # of the three choices together 5 % at most, a bend and a slope each
    assert np.mean([row["shape"] in ("U", "inverted U") for row in found]) < 0.05
    assert np.mean([row["over_size"] == "sign changes" for row in found]) < 0.02
    assert np.mean([row["p"] < 0.05 for row in found]) == pytest.approx(0.05, abs=0.03)


def test_a_budget_that_never_varies_alone_is_taken_with_what_goes_along() -> None:
    table = runs()
    assert varies_along(table, "tokens_budget") == "batch_size"
    assert varies_along(table, "batch_size") is None
    row = effect(noisy(table, np.log2(table["tokens_budget"])), "tokens_budget")
    assert (row["along"], row["per"], row["n"]) == ("batch_size", "doubling", 4 * 4 * 3)
    assert row["slope"] == pytest.approx(1, abs=0.1)
    assert row["q"] >= row["p"]
    to_arrow([row], EFFECTS)


def test_the_noise_floor_is_that_of_pingouin() -> None:
    table = runs()
    table = noisy(table, pd.Series(np.sin(cells(table)), table.index), sd=0.5)
    row = noise_floor(table, "y")
    icc = pingouin.intraclass_corr(
        table.assign(cell=cells(table)), targets="cell", raters="seed", ratings="y"
    ).set_index("Type")
    theirs = icc.loc[next(name for name in icc.index if name in ("ICC1", "ICC(1,1)"))]
    assert row["icc"] == pytest.approx(theirs["ICC"])
    interval = theirs["CI95%" if "CI95%" in theirs else "CI95"]
    assert [row["icc_low"], row["icc_high"]] == pytest.approx(list(interval), abs=0.01)
    assert row["sd_within"] == pytest.approx(0.5, abs=0.06)
    assert row["least_difference"] == pytest.approx(1.96 * np.sqrt(2) * row["sd_within"], rel=1e-3)
    assert (row["cells"], row["cells_repeated"], row["df_within"]) == (40, 40, 80)
    to_arrow([row], NOISE)


def test_unbalanced_repeats_give_both_variances() -> None:
    table = runs(seeds=6)
    keep = (table["seed"] == 0) | (cells(table) % 3 == 0)  # a third of the cells is repeated
    found = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        y = 2 * rng.standard_normal(40)[cells(table)] + rng.standard_normal(len(table))
        found.append(noise_floor(table.assign(y=y)[keep], "y"))
    variances = pd.DataFrame(found)[["sd_within", "sd_between"]].pow(2).mean()
    assert variances.tolist() == pytest.approx([1, 4], rel=0.06)
    covered = np.mean([row["icc_low"] < 4 / 5 < row["icc_high"] for row in found])
    assert 0.92 < covered < 0.98


def test_unequal_cells_weigh_as_the_projections_say() -> None:
    """n0 is the trace of the between projection over its rank, here by matrices."""
    table = runs(seeds=6)
    cell = cells(table)
    keep = (table["seed"] == 0) | (cell == 3) | ((cell == 7) & (table["seed"] < 3))
    table = noisy(table, pd.Series(np.cos(cell), table.index))[keep]
    Z = pd.get_dummies(cells(table)).to_numpy(float)
    n, a = Z.shape
    means, mean = Z @ np.linalg.pinv(Z), np.full((n, n), 1 / n)
    y = table["y"].to_numpy()
    msb = y @ (means - mean) @ y / (a - 1)
    msw = y @ (np.eye(n) - means) @ y / (n - a)
    between = (msb - msw) / (np.trace((means - mean) @ Z @ Z.T) / (a - 1))
    row = noise_floor(table, "y")
    assert row["sd_between"] == pytest.approx(np.sqrt(between))
    assert row["sd_within"] == pytest.approx(np.sqrt(msw))


def test_initialisation_and_order_of_data_make_the_noise_that_was_planted() -> None:
    random = np.random.default_rng(0)
    rows = []
    for cell in range(60):
        of_init, of_data = 0.3 * random.standard_normal(4), 0.1 * random.standard_normal(4)
        for init, data in [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (0, 3)]:
            seeds = {"seed": 0, "init_seed": init, "data_seed": data}
            seeds["y"] = of_init[init] + of_data[data]
            rows.append({"size": f"s{cell}", "params_non_embedding": 1e6} | BASE | seeds)
    table = pd.DataFrame(rows).assign(run=[f"r{i}" for i in range(len(rows))])
    found = noise_floor(table, "y")
    assert (found["df_init"], found["df_data"]) == (180, 180)
    assert found["sd_init"] == pytest.approx(0.3, rel=0.15)
    assert found["sd_data"] == pytest.approx(0.1, rel=0.15)
    together = noise_floor(table.drop(columns=["init_seed", "data_seed"]), "y")
    assert (together["df_init"], together["df_data"]) == (0, 0)
    assert np.isnan(together["sd_init"]) and np.isnan(together["sd_data"])


def test_without_repeats_there_is_no_noise_floor() -> None:
    table = runs(seeds=1).assign(y=1.0)
    row = noise_floor(table, "y")
    assert np.isnan(row["sd_within"]) and row["cells_repeated"] == 0
    assert noise_floor(table.assign(y=np.nan), "y")["n"] == 0


def metrics(seed: int = 0) -> pd.DataFrame:
    """Two groups of metrics that agree, one of them upside down, and a constant."""
    table = runs()
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((2, len(table)))
    noise = 0.3 * rng.standard_normal((4, len(table)))
    return table.assign(a=one + noise[0], b=other + noise[1], c=-one + noise[2], d=1.0, e=other)


def test_every_pair_is_that_of_scipy_with_the_interval_of_the_bootstrap() -> None:
    table = metrics()
    found = agreement(table, list("abcde"), resamples=200, seed=3)
    assert len(found) == 10
    for row in found:
        pair = table[[row["metric_a"], row["metric_b"]]].to_numpy()
        if "d" in (row["metric_a"], row["metric_b"]):
            assert np.isnan(row["rho"]) and np.isnan(row["rho_low"])
            continue
        assert row["rho"] == pytest.approx(spearmanr(*pair.T).statistic)
        expected = bootstrap_estimate(
            lambda weights, pair=pair: rank_correlation(pair, weights),
            cells(table),
            resamples=200,
            seed=3,
        )
        assert (row["rho_low"], row["rho_high"]) == pytest.approx((expected.low, expected.high))
        beside = residual_spearman(
            *pair.T, design_matrix(table), clusters=cells(table), resamples=1, seed=0
        )
        assert row["residual_rho"] == pytest.approx(beside.value)
    to_arrow(found, AGREEMENT)


def test_clusters_are_what_was_planted_whatever_the_sign() -> None:
    found = agreement(metrics(), list("abcde"), resamples=100, seed=0)
    cluster = {row["metric_a"]: row["cluster_a"] for row in found}
    cluster |= {row["metric_b"]: row["cluster_b"] for row in found}
    assert cluster == {"a": 1, "b": 2, "c": 1, "d": 0, "e": 2}


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 8))
def test_clusters_are_those_of_scipy_on_the_points(seed: int, m: int) -> None:
    values = np.random.default_rng(seed).standard_normal((12, m))
    rho = correlations(values, np.ones((1, 12)))[0]
    distances = pdist(np.arange(m)[:, None], lambda i, j: 1 - abs(rho[int(i[0]), int(j[0])]))
    labels = fcluster(linkage(distances, "average"), 1 - TOGETHER, "distance")
    ours = metric_clusters(rho)
    assert [[a == b for b in ours] for a in ours] == [[a == b for b in labels] for a in labels]


def test_too_few_metrics_or_runs_agree_on_nothing() -> None:
    assert agreement(metrics(), ["a"], resamples=100, seed=0) == []
    assert agreement(metrics().head(2), ["a", "b"], resamples=100, seed=0) == []
