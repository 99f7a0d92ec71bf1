"""What the report says in words follows from the numbers, and from nothing else."""

import re
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from disentangle.job_record import REQUIRED
from disentangle.report.claims import headline
from disentangle.report.costs import gather_costs, jobs_on_gpu
from disentangle.report.numbers import NO_BREAK, interval, probability, significant
from disentangle.report.rows import MOST_RUNS, association_rows, runs_needed
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
        (np.nan, np.nan, np.nan, "too few runs to tell"),
        (0.3, np.nan, np.nan, "too few runs to tell"),
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
        (0.01, 0.2, "it improves the prediction."),
        (0.01, 0.08, "it improves the prediction, by less than 0.09."),
        (0.0, 0.08, "the gain is negligible."),
        (0.0, 0.1, "no clear gain."),
        (np.nan, np.nan, "too few runs to tell."),
    ],
)
def test_gain_in_words(low: float, high: float, words: str) -> None:
    mean = (low + high) / 2
    found = {f"delta_r2_design{end}": x for end, x in (("", mean), ("_low", low), ("_high", high))}
    # whatever the paper's baseline says, which leaves training choices out
    found |= {"delta_r2": 0.5, "delta_r2_low": 0.4, "delta_r2_high": 0.6}
    assert statements(**found)[2].endswith(words)


def test_a_small_sample_is_said_to_decide_nothing() -> None:
    small = headline(associations(n=18, residual_df=4), "id_bits_per_byte")[-1].evidence
    large = headline(associations(), "id_bits_per_byte")[-1].evidence
    assert "uninformative" in small
    assert "uninformative" not in large


def test_no_models_is_no_finding() -> None:
    assert "No run" in statements(n=0)[0]
    assert "No run" in headline(associations(), "other")[0].statement


def test_intervals_are_written_with_their_sign() -> None:
    assert interval(-0.421, -0.7, 0.052) == f"-0.42 [-0.70,{NO_BREAK}+0.05]"
    assert interval(np.nan, 0, 1) == "–"
    assert interval(0.5, np.nan, np.nan) == "+0.50"


def test_the_papers_gain_is_said_with_what_its_baseline_leaves_out() -> None:
    controls = "params_non_embedding, tokens_budget, batch_size, weight_decay"
    row = associations(delta_r2=0.3, delta_r2_low=0.1, delta_r2_high=0.5).assign(controls=controls)
    said = headline(row, "id_bits_per_byte")[2].evidence
    assert "which leaves out batch size, weight decay: ΔR² +0.30 [+0.10," in said
    broken = row.assign(note="delta_r2: the fit breaks down: the baseline predicts no better")
    said = headline(broken, "id_bits_per_byte")[2].evidence
    assert "not usable (the fit breaks down: the baseline predicts no better)" in said
    assert "+0.30" not in said


def of_metrics(**q: float) -> pd.DataFrame:
    rows = [
        associations().assign(metric=name, residual_rho=-0.95, residual_q=value, within_q=value)
        for name, value in q.items()
    ]
    return pd.concat(rows, ignore_index=True)


def test_metrics_that_survive_control_are_named_whatever_the_first_one_says() -> None:
    table = of_metrics(W_effective_rank_pct=0.8, H_stable_rank=0.0001, W_isoscore=0.2)
    box = headline(table, "id_bits_per_byte")[3]
    assert "1 of 3 tested is associated with id: bits per byte" in box.statement
    assert f"H: stable rank (ρ = -0.95, q <{NO_BREAK}0.001)" in box.evidence
    assert "IsoScore" not in box.evidence
    none = headline(of_metrics(W_effective_rank_pct=0.8, W_isoscore=0.2), "id_bits_per_byte")[3]
    assert "none of the 2 tested is associated with" in none.statement
    assert "The closest is W: IsoScore (ρ = -0.95, q = 0.200)" in none.evidence
    untested = headline(of_metrics(W_effective_rank_pct=np.nan), "id_bits_per_byte")[3]
    assert "none can be tested" in untested.statement


def test_raw_intervals_say_how_often_they_hold_here() -> None:
    calibration = pd.DataFrame({"estimator": "raw", "coverage": [0.51, 0.905, np.nan]})
    row = associations(rho=0.4, rho_low=0.1, rho_high=0.6)
    first = headline(row, "id_bits_per_byte", calibration)[0].evidence
    assert "contained the association given training in 51 to 90 % of studies, not 95 %" in first
    assert "% of studies" not in headline(row, "id_bits_per_byte")[0].evidence


def test_slopes_have_significant_digits() -> None:
    assert significant(0.00012, -0.27, 0.27) == f"+0.00012 [-0.27,{NO_BREAK}+0.27]"
    assert significant(11.0, -118.4, 1_140.0) == f"+11 [-118,{NO_BREAK}+1,140]"
    assert significant(2.0, np.nan, np.nan) == "+2"


def test_no_probability_is_nought() -> None:
    assert probability(0.0004) == f"<{NO_BREAK}0.001"
    assert probability(0.0312) == "0.031"
    assert probability(np.nan) == "–"


def test_a_number_of_runs_beyond_reach_is_not_spelled_out() -> None:
    assert runs_needed(161_807_307) == f"more than {MOST_RUNS:,}"
    assert runs_needed(231.0) == "231"
    assert runs_needed(np.nan) == "–"


def test_what_can_say_nothing_is_left_out_and_said_once() -> None:
    assert association_rows(associations(n=2)).rows == []
    assert association_rows(associations(n=2)).most == 2
    reason = "constant, or determined by the design"
    note = f"residual: {reason}; delta_r2_design: {reason}"
    table = pd.concat(
        [
            associations().assign(note=""),
            associations().assign(metric="W_numerical_rank", note=note),
            associations().assign(metric="H_frobenius_norm", note="raw: constant"),
        ]
    )
    found = association_rows(table)
    assert [row["metric"] for row in found.rows] == ["W_effective_rank_pct"]
    assert found.fixed == ["W_numerical_rank", "H_frobenius_norm"]


def test_a_fit_that_breaks_down_is_no_number() -> None:
    table = associations(delta_r2=-3e9).assign(
        note="delta_r2: the fit breaks down: it extrapolates"
    )
    (row,) = association_rows(table).rows
    assert row["delta"] == "breaks down"


def test_gpu_time_is_that_of_jobs_whose_results_say_so(tmp_path) -> None:
    usage: dict[str, object] = dict.fromkeys(REQUIRED)
    usage |= {"wall_seconds": 10.0, "cpu_seconds": 7.0, "max_rss_mb": 5.0}
    for rule in ("pretrain", "measure_geometry", "evaluate_checkpoints"):
        for run in "ab":
            write_json(tmp_path / rule / f"{run}_wd0.1.log.record.json", usage)
    for rule in ("collect", "plan", "archive", "verify"):
        write_json(tmp_path / f"{rule}.log.record.json", usage)
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
    assert costs["cpu_seconds"].sum() == 7 * 7.0, "what makes no result is left out"


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


def test_every_end_tag_of_the_page_is_closed() -> None:
    """Else a browser takes the next tag for an attribute of it, and leaves it out."""
    folder = files("disentangle.report")
    templates = [*folder.iterdir(), *folder.joinpath("sections").iterdir()]
    for template in (path for path in templates if path.name.endswith(".html")):
        page = template.read_text(encoding="utf-8")
        assert re.findall(r"</[a-z0-9]+(?![a-z0-9>]).{0,20}", page) == [], template.name
        assert page.count('<div class="scroll" tabindex="0">') == page.count("<table")
