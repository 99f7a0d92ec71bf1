"""Calibration finds the estimators out: where they keep their level, and where they do not."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from disentangle.calibration.calibrate import ESTIMATORS, calibrate, planned_design
from disentangle.calibration.compare import compare_designs, main
from disentangle.calibration.document import calibration_document
from disentangle.calibration.processes import PROCESSES, draw, true_rho
from disentangle.study.file import read_study
from disentangle.study.grid import expand
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import to_arrow

SIZES = {"4M": 4e6, "8M": 8e6, "17M": 17e6, "25M": 25e6, "34M": 34e6, "75M": 75e6}
BASE = {"tokens_budget": 32e9, "batch_size": 128, "weight_decay": 0.1, "learning_rate": 1.0}
DEPARTURES = [
    *({"seed": seed} for seed in range(4)),
    *({"batch_size": batch} for batch in (32, 64, 256, 512)),
    *({"weight_decay": decay} for decay in (0.01, 0.5)),
    *({"learning_rate": rate} for rate in (0.1, 10.0)),
    *({"final_lr": share} for share in (0.0, 0.01)),
    *({"tokens_budget": 1e9 * t, "batch_size": 4 * t} for t in (8, 16, 64, 128)),
]


def design() -> pd.DataFrame:
    rows = [
        {"size": size, "params_non_embedding": weights, "final_lr": 0.1, "seed": 0} | BASE | change
        for size, weights in SIZES.items()
        for change in DEPARTURES
    ]
    return pd.DataFrame(rows).assign(run=[f"run{i}" for i in range(len(rows))])


def found(processes: list[str], studies: int, intervals: int = 0) -> pd.DataFrame:
    rows = calibrate(
        design(),
        effects=[0.5],
        noise=0.3,
        studies=studies,
        with_intervals=intervals,
        resamples=100,
        seed=0,
        processes=processes,
    )
    to_arrow(rows, CALIBRATION)
    return pd.DataFrame(rows).set_index(["process", "estimator", "planted_rho"])


def test_levels_over_five_hundred_nulls() -> None:
    table = found(["linear", "nonlinear", "interacting", "size_dependent"], 500)["found"]
    for process in ("linear", "nonlinear"):
        assert 0.03 <= table[process, "residual", 0.0] <= 0.07
        assert 0.03 <= table[process, "within", 0.0] <= 0.07
    assert table["nonlinear", "partial", 0.0] > 0.3
    assert 0.03 <= table["interacting", "residual", 0.0] <= 0.07
    assert 0.03 <= table["interacting", "within", 0.0] <= 0.07
    # what the paper's estimator is worth here, and where ours breaks
    assert table["interacting", "partial", 0.0] > 0.3
    assert table["size_dependent", "residual", 0.0] > 0.2
    assert 0.03 <= table["size_dependent", "within", 0.0] <= 0.07
    assert table["interacting", "residual", 0.5] > 0.95


def test_intervals_cover_and_estimates_are_not_biased() -> None:
    table = found(["linear"], 60, intervals=60)
    for estimator in ("residual", "within"):
        for rho in (0.0, 0.5):
            row = table.loc[("linear", estimator, rho)]
            assert row["coverage_low"] <= 0.95 <= row["coverage_high"]
            assert abs(row["bias"]) < 0.08
            assert row["intervals"] == 60
    assert table.loc[("linear", "clustered", 0.0), "intervals"] == 0


def test_a_gain_beside_all_choices_is_no_more_often_found_than_it_may_be() -> None:
    table = found(["nonlinear", "interacting"], 300)["found"]
    for process in ("nonlinear", "interacting"):
        assert 0.02 <= table[process, "delta_r2_design", 0.0] <= 0.08
        assert table[process, "delta_r2_design", 0.5] > 0.95


@pytest.mark.parametrize("name", ["interacting", "heavy_tailed"])
def test_the_planted_truth_is_that_of_the_noise(name: str) -> None:
    noise = PROCESSES[name].noise(np.random.default_rng(5), 50_000, 0.5)
    assert true_rho(PROCESSES[name], 0.5) == pytest.approx(spearmanr(noise).statistic, abs=0.01)
    assert noise.std(axis=0) == pytest.approx([1, 1], abs=0.1)


def test_what_is_lost_is_lost() -> None:
    rng = np.random.default_rng(0)
    rows, _, y = draw(PROCESSES["diverged"], design(), rho=0, noise=0.3, rng=rng)
    fast = rows["learning_rate"] == 10
    assert (len(rows), fast.sum(), len(y)) == (105, 3, 105)
    rows, *_ = draw(PROCESSES["missing_cells"], design(), rho=0, noise=0.3, rng=rng)
    assert 85 <= len(rows) < 108


def test_repeats_find_within_cells_what_other_configurations_do_not() -> None:
    once = design().query("seed == 0")
    few = once[once["size"].isin(["4M", "17M", "75M"]) & (once["tokens_budget"] == 32e9)]
    repeated = pd.concat([few.assign(seed=s, run=few["run"] + f"s{s}") for s in range(4)])
    designs = {"repeats": repeated.reset_index(drop=True), "configurations": design()}
    table = compare_designs(
        designs, effects=[0.5], noise=0.3, studies=60, seed=0, processes=["size_dependent"]
    )
    power = table.query("planted_rho > 0").set_index(["design", "estimator"])["found"]
    assert power["repeats", "within"] > power["configurations", "within"] + 0.2
    assert set(table["estimator"]) == {"residual", "within"}


ROOT = Path(__file__).parents[3]


def test_designs_of_study_files_are_compared_with_what_they_cost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    main(["tests/sample.yaml", "studies/tied.yaml", "--studies", "2"])
    shown = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"demo: 18 runs, \d\.?\d*e\+\d+ training operations", shown[0])
    assert shown[1].startswith("tied: ")
    assert len(shown) == 2 + 1 + len(PROCESSES) * 2 * 2 * 2


def test_a_planned_design_has_the_rate_that_means_the_same_at_every_size() -> None:
    design = planned_design(expand(read_study([], ROOT / "tests" / "sample.yaml")))
    assert set(design["learning_rate"]) == {0.1, 1, 10}
    assert planned_design([]).empty


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("study: [", "expected"),
        ("[1]", "is no study file"),
        ("study: x\nsizes: []\ncheckpoints: {a: {source: b, revisions: {0: '.'}}}", "no design"),
        ("study: x\nsize: 3", "size: unknown key"),
    ],
)
def test_a_file_that_is_no_study_is_one_screen(
    content: str,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "x.yaml").write_text(content)
    for path in (tmp_path / "x.yaml", tmp_path / "absent.yaml"):
        with pytest.raises(SystemExit) as stop:
            main([str(path)])
        assert stop.value.code == 2
        said = capsys.readouterr().err
        assert (message if path.exists() else "There is no study file") in said


def test_the_docs_table_is_made_of_the_calibration_table() -> None:
    table = found(list(PROCESSES), 2, intervals=1).reset_index()
    shown = calibration_document({"one": table, "two": table}).split("\n\n")
    row = table.query("process == 'linear' and estimator == 'raw' and planted_rho == 0").iloc[0]
    first = shown[1].splitlines()[2]
    assert first.startswith(f"| one (108) | raw | {100 * row['found']:.1f} | ")
    assert len(shown[1].splitlines()) == 2 + 2 * len(ESTIMATORS)
    assert all("delta_r2" not in line for line in shown[-1].splitlines()), "it has no truth"
