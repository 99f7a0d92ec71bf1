"""Sections of the report on the paper's experiments: each number follows from the tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from disentangle.figures.training_choices import departures_from_base
from disentangle.report.paper import REPORTED, beside_the_paper
from disentangle.report.perturbed import changes
from disentangle.report.tying import tying_pairs
from disentangle.study import Run, expand, read_config
from disentangle.tables.collect import observations as put_together
from disentangle.tables.estimated import ASSOCIATIONS

RANK, LOSS = "W_effective_rank_pct", "id_bits_per_byte"


@pytest.fixture(scope="module")
def runs(sample_config: dict[str, Any]) -> dict[str, Run]:
    return {run.name: run for run in expand(read_config(sample_config))}


def finals(runs: dict[str, Run]) -> pd.DataFrame:
    """Rank and loss that say which run they are of."""
    rows = [
        run.covariates()
        | {"run": run.name, "final": True, "variant": "base", RANK: float(i), LOSS: 10.0 - i}
        for i, run in enumerate(runs.values())
    ]
    return pd.DataFrame(rows)


def test_a_departure_is_held_against_the_base_of_its_size(runs: dict[str, Run]) -> None:
    table = departures_from_base(runs, finals(runs))
    assert len(table) == len(runs)
    # runs 0 to 8 are one size: the base's seeds are 0, 7 and 8
    first = table[table["size"] == "33K"].reset_index(drop=True)
    base = np.mean([0, 7, 8])
    assert first[RANK].tolist() == pytest.approx([i - base for i in range(9)])
    assert (first["departure"] == "base").sum() == 3
    without = finals(runs).query("size != '33K' or configuration != configuration.iloc[0]")
    assert set(departures_from_base(runs, without)["size"]) == {"131K"}


def test_tied_and_untied_are_paired_by_all_else(runs: dict[str, Run]) -> None:
    untied = {name: run for name, run in runs.items() if run.size.name == "33K"}
    size = next(iter(untied.values())).size.model_copy(update={"name": "33K-tied", "tied": True})
    tied = {
        f"tied-{name}": replace(
            run,
            name=f"tied-{name}",
            size=size,
            model=run.model.model_copy(update={"tied": True}),
        )
        for name, run in list(untied.items())[1:]  # one has no partner
    }
    both = untied | tied
    (row,) = tying_pairs(both, finals(both))
    assert (row["tied"], row["untied"], row["n"]) == ("33K-tied", "33K", 8)
    # the tied ones follow the nine untied, their first left out: each is eight further on
    assert (row["rank_difference"], row["rank_sd"]) == (8, 0)
    assert row["loss_difference"] == -8
    assert tying_pairs(runs, finals(runs)) == []


def test_each_of_the_papers_rows_has_ours_of_the_same_kind() -> None:
    ours = [
        ("base", LOSS, RANK, -0.5),
        ("base", "code_bits_per_byte", RANK, -0.4),
        ("base", "ood_bits_per_byte", RANK, 0.9),
        ("gptq-3bit", LOSS, RANK, -0.3),
        ("gptq-4bit", LOSS, RANK, -0.2),
        ("finetuned-x", "code_bits_per_byte", RANK, -0.1),
        ("finetuned-x", LOSS, RANK, 0.8),
    ]
    blank = dict.fromkeys(ASSOCIATIONS.schema.names, np.nan) | {"n": 108}
    keys = ("variant", "outcome", "metric", "rho")
    rows = pd.DataFrame([blank | dict(zip(keys, row, strict=True)) for row in ours])
    found = beside_the_paper(rows, {"finetuned-x": "code"})
    raw = {
        (row["reported"].stage, row["reported"].outcome, row["reported"].metric): []
        for row in found
    }
    for row in found:
        key = (row["reported"].stage, row["reported"].outcome, row["reported"].metric)
        raw[key] += [row["ours"]["raw"]] if row["ours"] else []
    assert len(raw) == len(REPORTED)
    assert raw["pre-trained", "Pile-10K loss", RANK] == ["-0.50"]
    assert raw["pre-trained", "Dolma-100 code loss", RANK] == ["-0.40"]
    assert raw["GPTQ", "Pile-10K loss", RANK] == ["-0.30", "-0.20"]
    assert raw["fine-tuned", "StarCoder-Python loss", RANK] == ["-0.10"]
    assert raw["pre-trained", "Pile-10K loss", "W_partition_isotropy"] == []


def test_what_a_perturbation_changed_is_after_minus_before() -> None:
    place = {"tokens": 9, "final": True, "status": "complete", "tied": False}
    shape = {"params_non_embedding": 10, "params_embedding": 8, "size": "s", "configuration": "c"}
    rest = dict.fromkeys(
        ("tokens_budget", "batch_size", "weight_decay", "learning_rate", "final_lr", "seed"), 1
    )
    rest["learning_rate_multiple"] = 1
    rest |= dict.fromkeys(("beta2_steps", "head_decay", "init_seed", "data_seed"), 1)
    rest["steps_over_tau"] = 1
    rest |= {"text_tokens": 0, "token_noise": 0.0, "cooldown": 0.0, "late": ""}
    rest |= {"arm": "", "intervention": "", "dose": float("nan")}
    checkpoints = pd.DataFrame(
        [{"run": run, "step": step} | place | shape | rest for run in "ab" for step in (0, 5)]
    )
    geometry = pd.DataFrame(
        [
            {"run": run, "step": step, "matrix": "W", "domain": "", "effective_rank_pct": 50.0}
            for run in "ab"
            for step in (0, 5)
        ]
    )
    values = {("a", 0): 8.0, ("a", 5): 3.0, ("b", 0): 8.0, ("b", 5): 4.0}
    scores = [(*key, "base", value) for key, value in values.items()]
    scores += [("a", 5, "gptq-3bit", 3.5), ("b", 5, "gptq-3bit", 3.9)]
    evaluation = pd.DataFrame(scores, columns=["run", "step", "variant", "value"]).assign(
        task="heldout_id", metric="bits_per_byte", stderr=0.01
    )
    table = put_together(checkpoints, geometry, evaluation)
    change = table.set_index(["run", "step", "variant"])["id_bits_per_byte_change"]
    assert change["a", 5, "gptq-3bit"] == pytest.approx(0.5)
    assert change["b", 5, "gptq-3bit"] == pytest.approx(-0.1)
    assert change.xs("base", level="variant").isna().all()
    assert table["compute"].eq(6 * (10 + 4) * 9).all()
    (row,) = changes(table, ["id"])
    assert (row["n"], row["worse"]) == (2, 1)
    assert row["before"] == pytest.approx(3.5) and row["after"] == pytest.approx(3.7)
    assert (row["lowest"], row["highest"]) == pytest.approx((-0.1, 0.5))
