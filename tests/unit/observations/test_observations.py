"""Tables from elsewhere: read, checked with every fault named, and analysed as our own."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from a_suite import MAPPING, suite
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from disentangle.errors import StudyError
from disentangle.observations import adopt, analyze
from disentangle.observations.analyze import TABLES, Analysis
from disentangle.observations.read import read_observations
from disentangle.observations.record import absent, record
from disentangle.statistics.design import HYPERPARAMETERS
from disentangle.study.jobs import ANALYZED
from disentangle.study.sections.observations import CHOICES, KNOWN, Observations, Reading
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.collected import MISSING, OBSERVATIONS
from disentangle.tables.files import to_arrow

READING = Reading.model_validate(MAPPING)
FEW = Statistics(resamples=100)


def adopted(table: pd.DataFrame, **changes: Any) -> pd.DataFrame:
    return adopt(table, Reading.model_validate(MAPPING | changes))


def fault(table: pd.DataFrame, **changes: Any) -> str:
    with pytest.raises(StudyError) as error:
        adopted(table, **changes)
    return str(error.value)


def test_columns_come_in_our_names_and_units() -> None:
    found = adopted(suite())
    first = found[found["run"] == "14M-wd0.1-b32-0"].iloc[0]
    assert first["params_non_embedding"] == pytest.approx(14.2e6)
    assert first["tokens_budget"] == first["tokens"] == pytest.approx(8e9)
    assert 1 < first["W_effective_rank_pct"] < 100
    assert (first["step"], first["variant"], first["final"]) == (1, "base", True)
    assert first["configuration"] == (
        "tokens_budget=8e+09, batch_size=32, weight_decay=0.1, final_lr=0.1"
    )
    assert np.isnan(first["learning_rate"])
    to_arrow(found, OBSERVATIONS)


def test_the_training_choices_are_those_that_estimators_control_for() -> None:
    assert CHOICES == HYPERPARAMETERS
    assert {name for name, *_ in OBSERVATIONS.columns} - {"configuration"} == set(KNOWN)


def test_a_table_of_ours_comes_through_as_it_is() -> None:
    found = adopted(suite()).assign(params_embedding=2e6, tokens=8e9, learning_rate=0.001)
    pd.testing.assert_frame_equal(
        adopt(found).drop(columns="configuration"), found.drop(columns="configuration")
    )


def test_models_of_one_seed_may_begin_alike() -> None:
    start = suite().assign(step=0, pile=3.0, erank=0.9)
    steps = pd.concat([start, suite().assign(step=100)], ignore_index=True)
    assert len(adopted(steps)) == 120


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random: Any) -> None:
    table = suite()
    order = list(range(len(table)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(adopted(table.iloc[order]), adopted(table))


def test_what_is_planted_is_found_and_what_is_not_is_not() -> None:
    for effect, there in ((0.0, False), (2.0, True)):
        found = analyze(adopted(suite(effect=effect)), settings=FEW).associations.iloc[0]
        assert found["n"] == 60
        assert found["controls"] == "params_non_embedding, batch_size, weight_decay"
        assert (found["residual_p"] < 0.01) == there
        assert (found["within_p"] < 0.01) == there
        assert found["rho_p"] < 0.01, "by itself rank goes with loss in either world"


def test_claims_are_judged_and_those_without_columns_undecided() -> None:
    claims = analyze(adopted(suite()), settings=FEW).claims.set_index("claim")
    assert len(claims) == 12
    assert claims.loc[6, "verdict"] in ("holds", "fails")  # batch size, which varies
    assert claims.loc[8, "verdict"] == "undecided"  # annealing, which does not
    assert claims.loc[10, "verdict"] == "undecided"  # one metric agrees with nothing


def test_the_analysis_is_the_tables_that_the_workflow_writes() -> None:
    names = [table.name for table in TABLES]
    assert names == list(ANALYZED) == [field.name for field in fields(Analysis)]


def test_a_table_of_other_metrics_and_scores_is_analysed_too() -> None:
    columns = MAPPING["columns"] | {"W_spread": "erank", "arc_acc": "arc"}
    del columns["W_effective_rank_pct"], columns["id_bits_per_byte"]
    table = suite().assign(arc=lambda rows: 1 / (1 + rows["pile"]))
    reading = Reading.model_validate(MAPPING | {"columns": columns})
    found = adopt(table, reading, also=("arc_acc",))
    analysis = analyze(found, settings=Statistics(resamples=100, outcomes=["arc_acc"]))
    pairs = analysis.associations[["outcome", "metric"]].to_numpy().tolist()
    assert pairs == [["arc_acc", "W_spread"]]
    assert set(analysis.claims["verdict"]) == {"undecided"}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_every_kind_of_file_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"suite{suffix}"
    if suffix == ".parquet":
        suite().to_parquet(path)
    else:
        suite().to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    pd.testing.assert_frame_equal(adopted(read_observations(path)), adopted(suite()))


# a fault and what is said of it stand side by side, however long
# fmt: off
# ruff: noqa: E501
SPOILED: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (lambda t: t.drop(columns="erank"), "columns.W_effective_rank_pct: there is no column 'erank'"),
    (lambda t: t.drop(columns="pile").assign(pyle=1.0), "there is no column 'pile'; the table has pyle"),
    (lambda t: t.assign(pile=t["pile"].where(t.index != 6)), "id_bits_per_byte (their pile): empty or NaN in row 7"),
    (lambda t: t.assign(pile=t["pile"].where(t.index != 6, np.inf)), "their pile): infinite in row 7"),
    (lambda t: t.assign(wd=t["wd"].where(t.index > 1)), "weight_decay (their wd): empty in rows 1, 2"),
    (lambda t: t.assign(pile=t["pile"].astype(str).where(t.index != 2, "n/a")), "'n/a' in row 3 is not a number"),
    (lambda t: t.assign(pile=-t["pile"]), "is not bits per byte (a log-likelihood?"),
    (lambda t: t.assign(erank=t["erank"] * 100), "is not % of the dimension"),
    (lambda t: t.assign(erank=t["erank"] / 100), "no value is above 1: a share?"),
    (lambda t: t.assign(**{"params (M)": t["params (M)"] / 1e6}), "is not a plausible number of weights (in millions"),
    (lambda t: t.assign(**{"tokens (B)": 8e-9}), "is not a plausible number of tokens"),
    (lambda t: t.assign(pile=1.0), "id_bits_per_byte (their pile): 1 for every model"),
    (lambda t: t.assign(erank=0.5), "leave_out: [W_effective_rank_pct]"),
    (lambda t: pd.concat([t, t.iloc[[4]]], ignore_index=True), "more than one row of run 14M-wd0.1-b64-1"),
    (lambda t: pd.concat([t, t.iloc[[4]].assign(model="twin")], ignore_index=True), "rows 5, 61 have the same metrics"),
    (lambda t: t.head(4), "4 models have a final checkpoint"),
    (lambda t: t.assign(model=t["model"].where(t.index != 0)), "run (their model): empty in row 1"),
    (lambda t: t.assign(seed=t["seed"].where(t.index != 3, -1.5)), "seed: -1.5 in row 4 is not a seed, 0 or more"),
    (lambda t: t.assign(seed=t["seed"].where(t.index != 3, 1.5)), "seed: 1.5 in row 4 is not a whole number"),
    (lambda t: t.assign(seed=t["seed"].astype(float).where(t.index != 3, 1e300)), "seed: 1e+300 in row 4 is not a seed"),
    (lambda t: t.assign(step=0.5), "step: 0.5 in rows 1, 2, 3 and 57 more is not a whole number"),
    (lambda t: t.assign(batch=t["batch"] + 0.25), "batch_size (their batch): 32.25 in rows 1, 2, 3 and 57 more is not a whole"),
    (lambda t: t.assign(tokens=8e9 + 0.5), "tokens: 8e+09 in rows 1, 2, 3 and 57 more is not a whole number"),
    (lambda t: t.assign(status="complete").assign(status=lambda t: t["status"].where(t.index != 8, "crashed")), "status: 'crashed' in row 9 is neither complete nor diverged"),
]
# fmt: on


@pytest.mark.parametrize(("spoil", "message"), SPOILED, ids=[message for _, message in SPOILED])
def test_a_fault_is_named_with_its_column_and_rows(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    assert message in fault(spoil(suite()))


def test_a_run_is_trained_in_one_way() -> None:
    steps = pd.concat(
        [suite().assign(step=step, pile=suite()["pile"] + 1 / step) for step in (1, 2)]
    )
    steps = steps.reset_index(drop=True)
    assert adopted(steps)["final"].sum() == 60
    steps.loc[0, "batch"] = 16
    assert "batch_size: differs between the rows of run 14M-wd0.1-b32-0: 16.0, 32.0" in fault(steps)


def test_all_faults_are_named_at_once_and_fit_a_screen() -> None:
    spoiled = suite().assign(pile=lambda rows: -rows["pile"], erank=lambda rows: 10 * rows["erank"])
    message = fault(spoiled)
    assert message.startswith("The observations have 2 faults:")
    assert len(message.splitlines()) < 32


def test_what_nobody_says_must_be_said() -> None:
    message = fault(suite(), fixed={})
    assert "columns.learning_rate is missing" in message
    assert "fixed: {final_lr: null}" in message


def test_holes_may_be_listed_and_are_left_out_of_what_they_are_needed_for() -> None:
    table = suite()
    table.loc[7, "pile"] = np.nan
    found = adopted(table, missing="list")
    (row,) = absent(found)
    assert (row["run"], row["stage"]) == (table["model"][7], "id_bits_per_byte")
    to_arrow([row], MISSING)
    assert analyze(found, settings=FEW).associations["n"].tolist() == [59]


def test_the_record_says_what_was_taken_and_what_nobody_knows() -> None:
    table = suite()
    said = record(table, adopted(table), READING)
    assert said["not_taken"] == ["remarks"]
    assert said["not_known"] == ["learning_rate"]
    assert said["the_same_for_all"] == {"final_lr": 0.1}
    assert (said["rows"], said["models"]) == (60, 60)


def test_diverged_runs_of_a_study_stay_out() -> None:
    table = suite().assign(final=lambda rows: rows.index != 3, status="complete")
    assert adopted(table)["final"].sum() == 59


def test_runs_that_changed_late_are_associated_with_nothing() -> None:
    usual = suite()
    changed = suite(effect=2, seed=1).assign(late="0.67-wd0.5")
    changed["model"] += "-late"
    both = adopted(pd.concat([usual, changed], ignore_index=True))
    assert len(both) == 2 * len(usual)
    of_both, of_usual = (analyze(rows, settings=FEW) for rows in (both, adopted(usual)))
    assert of_both.associations.equals(of_usual.associations)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("a,b\n", "has a header but no rows"),
        ("a,a\n1,2\n", "more than one column named a"),
        ("a,b\n1,2,3\n", "is no valid csv table"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "suite.csv"
    path.write_text(content)
    with pytest.raises(StudyError, match=message):
        read_observations(path)


def test_a_nul_does_not_cut_a_name_or_a_value(tmp_path: Path) -> None:
    path = tmp_path / "suite.csv"
    for content in (b"run\0s,loss\na,1\n", b"run,loss\na,1\nb,2\x003\n"):
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"line [13] has a NUL byte"):
            read_observations(path)


def test_what_is_no_parquet_is_refused_whatever_it_is(tmp_path: Path) -> None:
    suite().to_parquet(sound := tmp_path / "sound.parquet")
    whole = sound.read_bytes()
    damaged = tmp_path / "suite.parquet"
    for content in (b"", b"PAR1", whole[:-9], b"PAR1" + bytes(80) + whole[-8:], whole[4:]):
        damaged.write_bytes(content)
        with pytest.raises(StudyError, match=r"is no valid parquet table: .") as error:
            read_observations(damaged)
        assert len(str(error.value).splitlines()) == 1


def test_counts_may_come_with_the_rounding_of_a_factor() -> None:
    table = suite().assign(**{"tokens (B)": 1.07})
    assert (table["tokens (B)"] * 1e9).iloc[0] != 1_070_000_000
    found = adopted(table)
    assert set(found["tokens_budget"]) == {1_070_000_000}
    to_arrow(found, OBSERVATIONS)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    for name, content in (("suite.parquet", b"run,loss\n"), ("suite.csv", b"\xff\xfe\x00r")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StudyError, match=r"is no valid \w+ table"):
            read_observations(tmp_path / name)
    with pytest.raises(StudyError, match="there is no file"):
        read_observations(tmp_path / "suit.csv")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"file": "suite.xlsx"}, "file"),
        ({"file": "a.csv", "columns": {"rank": "r"}}, "is no column of ours"),
        ({"file": "a.csv", "columns": {"configuration": "r"}}, "worked out"),
        ({"file": "a.csv", "fixed": {"optimizer": 1}}, "is no training choice"),
        ({"file": "a.csv", "columns": {"seed": "s"}, "fixed": {"seed": 0}}, "not both"),
    ],
)
def test_a_section_with_faults_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Observations.model_validate(section)
