"""Blocks of the experiment: which runs are in, and which are missing."""

import numpy as np
import pandas as pd
import pytest
from an_experiment import ARMS, experiment

from disentangle.causal.levers import levers, together
from disentangle.causal.panel import panels
from disentangle.errors import StudyError


def test_one_row_a_seed_and_one_column_an_arm() -> None:
    table = experiment()
    panel = panels(table.sample(frac=1, random_state=0))[0]
    assert [arm.name for arm in panel.arms] == list(ARMS) and panel.arms[0].label == "control"
    assert panel.seeds == tuple(map(str, range(12)))
    values = panel.values("id_bits_per_byte")
    row = table.query("arm == 'shifted' and seed == 7").iloc[0]
    assert values[7, panel.place("shifted")] == row["id_bits_per_byte"]
    assert values.shape == (12, 11) and np.isfinite(values).all()
    assert np.isnan(panel.values("no_such_column")).all()


def test_runs_outside_of_the_cell_are_no_controls() -> None:
    panel = panels(experiment())[0]
    assert set(panel.runs["configuration"]) == {"bs8"} and len(panel.runs) == 132
    assert panels(experiment().query("arm == ''")) == []
    assert panels(experiment().drop(columns="arm")) == []
    late = experiment().assign(late="")
    late.loc[late["arm"] == "", "late"] = "weight_decay@0.5"
    assert panels(late) == []


def test_a_run_that_diverged_is_a_missing_cell_that_is_counted() -> None:
    table = experiment()
    lost = (table["arm"] == "low") & table["seed"].isin([1, 4])
    table.loc[lost, ["status", "final", "step"]] = ["diverged", False, 40]
    panel = panels(table)[0]
    place = panel.place("low")
    assert np.isnan(panel.values("id_bits_per_byte")[[1, 4], place]).all()
    assert panel.where("diverged")[:, place].sum() == 2 and panel.trained.all()
    # a run that is still training has neither finished nor diverged
    table.loc[lost, "status"] = "complete"
    panel = panels(table)[0]
    assert not panel.where("diverged").any() and panel.trained.sum() == 130


def test_the_last_checkpoint_stands_for_a_run() -> None:
    table = experiment()
    early = table.assign(step=10, final=False, id_bits_per_byte=9.0)
    panel = panels(pd.concat([table, early], ignore_index=True))[0]
    assert panel.values("id_bits_per_byte").max() < 4


def test_seeds_that_are_set_apart_make_blocks_of_their_own() -> None:
    table = experiment(seeds=2)
    table["init_seed"], table["data_seed"] = table["seed"], table["seed"]
    again = table[table["configuration"] == "bs8"]
    again = again.assign(run=again["run"] + "d5", data_seed=5)
    panel = panels(pd.concat([table, again], ignore_index=True))[0]
    assert panel.seeds == ("0", "0/5", "1", "1/5")


def test_two_runs_in_one_place_are_refused() -> None:
    table = experiment()
    twice = table[table["run"] == "1M_bs8_low_s3"].assign(run="another")
    with pytest.raises(StudyError, match="not the only one of its arm and seed"):
        panels(pd.concat([table, twice], ignore_index=True))
    unlike = table.copy()
    unlike.loc[unlike["run"] == "1M_bs8_low_s3", "dose"] = 0.5
    with pytest.raises(StudyError, match="'low' has several kinds or doses"):
        panels(unlike)
    with pytest.raises(StudyError, match="'twist' is none of"):
        panels(table.replace({"intervention": {"rotate": "twist"}}))


def test_levers_are_those_that_the_arms_make() -> None:
    panel = panels(experiment())[0]
    names = {lever.name: lever.groups for lever in levers(panel)}
    assert names == {
        "doses": ((0, 1, 2, 3, 4),), "initial spectrum": ((0, 5),), "hard limit": ((10, 9),)
    }  # fmt: skip
    every = together(panel)
    assert every is not None and every.groups == ((0, 1, 2, 3, 4, 5), (10, 9))
    # without what factors alone do, a hard limit is no lever
    few = panels(experiment(arms=("", "low", "narrow")))[0]
    assert [lever.name for lever in levers(few)] == ["doses"] and together(few) is None
