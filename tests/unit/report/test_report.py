"""What the report says in words follows from the numbers, and from nothing else."""

import numpy as np
import pandas as pd
import pytest

from disentangle.record import REQUIRED
from disentangle.report.costs import gather_costs, jobs_on_gpu
from disentangle.report.findings import headline, interval
from disentangle.storage import write_json
from disentangle.tables.estimated import ASSOCIATIONS


def associations(**values: float) -> pd.DataFrame:
    row = dict.fromkeys(ASSOCIATIONS.schema.names, np.nan) | {
        "outcome": "id_bits_per_byte",
        "metric": "W_effective_rank_pct",
        "n": 108,
        "residual_df": 70,
    }
    return pd.DataFrame([row | values])


def statements(**values: float) -> list[str]:
    return [f.statement for f in headline(associations(**values), "id_bits_per_byte")]


@pytest.mark.parametrize(
    ("rho", "low", "high", "words"),
    [
        (-0.7, -0.8, -0.5, "models with higher rank have lower loss"),
        (0.7, 0.5, 0.8, "models with higher rank have higher loss"),
        (0.1, -0.2, 0.4, "no clear association"),
        (np.nan, np.nan, np.nan, "no clear association"),
    ],
)
def test_direction_needs_an_interval_that_excludes_zero(
    rho: float, low: float, high: float, words: str
) -> None:
    assert words in statements(rho=rho, rho_low=low, rho_high=high)[0]
    assert words in statements(residual_rho=rho, residual_low=low, residual_high=high)[1]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.2, "improves the prediction"),
        (-0.2, -0.01, "makes the prediction worse"),
        (-0.1, 0.1, "no clear gain"),
    ],
)
def test_gain_in_words(low: float, high: float, words: str) -> None:
    mean = (low + high) / 2
    assert words in statements(delta_r2=mean, delta_r2_low=low, delta_r2_high=high)[2]


def test_a_small_sample_is_said_to_decide_nothing() -> None:
    small = headline(associations(n=18, residual_df=4), "id_bits_per_byte")[-1].evidence
    large = headline(associations(), "id_bits_per_byte")[-1].evidence
    assert "decides nothing" in small
    assert "decides nothing" not in large


def test_no_models_is_no_finding() -> None:
    assert "No run" in statements(n=0)[0]
    assert "No run" in headline(associations(), "other")[0].statement


def test_intervals_are_written_with_their_sign() -> None:
    assert interval(-0.421, -0.7, 0.052) == "-0.42 [-0.70, +0.05]"
    assert interval(np.nan, 0, 1) == "not estimable"
    assert interval(0.5, np.nan, np.nan) == "+0.50"


def test_gpu_time_is_that_of_jobs_whose_results_say_so(tmp_path) -> None:
    usage: dict[str, object] = dict.fromkeys(REQUIRED)
    usage |= {"wall_seconds": 10.0, "cpu_seconds": 7.0, "max_rss_mb": 5.0}
    for rule in ("pretrain", "measure_geometry", "evaluate_checkpoints"):
        for run in "ab":
            write_json(tmp_path / rule / f"{run}_wd0.1.log.record.json", usage)
    write_json(tmp_path / "collect.log.record.json", usage)
    checkpoints = pd.DataFrame({"run": ["a_wd0.1", "b_wd0.1"], "device": ["cuda", "cpu"]})
    geometry = pd.DataFrame({"run": ["a_wd0.1", "b_wd0.1"], "numerics": ['{"device": "cpu"}'] * 2})
    numerics = ['{"device": "cpu"}', '{"device": "cuda:0"}']
    evaluation = pd.DataFrame({"run": ["a_wd0.1", "b_wd0.1"], "numerics": numerics})
    cohorts = {name: [name] for name in ("a_wd0.1", "b_wd0.1")}
    costs = gather_costs(tmp_path, jobs_on_gpu(checkpoints, geometry, evaluation, cohorts))
    on_gpu = costs[costs["gpu_seconds"] > 0]
    assert set(zip(on_gpu["rule"], on_gpu["job"], strict=True)) == {
        ("pretrain", "a_wd0.1"),
        ("evaluate_checkpoints", "b_wd0.1"),
    }
    assert costs.loc[costs["rule"] == "collect", "job"].tolist() == [""]
    assert costs["cpu_seconds"].sum() == 7 * 7.0


def test_gpu_time_of_a_model_from_elsewhere_is_that_of_its_jobs() -> None:
    """It was not trained here, and is a job of its own: no cohort of runs has it."""
    cpu = pd.DataFrame({"run": ["a"], "device": ["cpu"]})
    measured = pd.DataFrame({"run": ["mine"], "numerics": ['{"device": "cuda"}']})
    none = pd.DataFrame({"run": [], "numerics": pd.Series([], dtype=str)})
    found = jobs_on_gpu(cpu, measured, none, {"part1": ["a"]})
    assert found == {("measure_geometry", "mine")}


def test_gpu_time_of_runs_that_share_a_job_is_that_jobs() -> None:
    checkpoints = pd.DataFrame({"run": ["a", "b"], "device": ["cuda", "cuda"]})
    none = pd.DataFrame({"run": [], "numerics": pd.Series([], dtype=str)})
    assert jobs_on_gpu(checkpoints, none, none, {"part1": ["a", "b"]}) == {("pretrain", "part1")}
