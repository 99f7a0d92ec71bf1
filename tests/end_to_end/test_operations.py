"""Surgery by the real workflow: a finished study is extended, and every result has its sham."""

from pathlib import Path

import pytest
from edits import ROWS, SURGERY, copies, counted, planned, run
from tiny_study import table


@pytest.fixture(scope="module")
def operated(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone of the finished study with surgery, and what its run showed."""
    row = ROWS["surgery"]
    _, clone = copies(finished, tmp_path_factory.mktemp("operated"), row.edit)
    return clone, run(clone, "--cores", "2", "all")


def test_operations_recoveries_and_nothing_else_is_made(operated: tuple[Path, str]) -> None:
    clone, shown = operated
    found = counted(shown, r"(\d+) evaluations made, (\d+) taken")
    assert found == ROWS["surgery"].evaluations
    assert planned(clone, "--cores", "2", "all") == {}
    assert table(clone, "missing").empty


def test_every_result_is_beside_its_sham(operated: tuple[Path, str]) -> None:
    rows = table(operated[0], "surgery")
    assert len(rows) == 2 * (1 + len(SURGERY["operations"])) * 3
    assert rows.groupby(["run", "stage"])["operation"].agg(set).eq({"sham", "shift", "flat"}).all()
    losses = rows.set_index(["run", "operation", "stage"])["id_bits_per_byte"]
    differences = rows.set_index(["run", "operation", "stage"])["id_bits_per_byte_difference"]
    for run_name in rows["run"].unique():
        for stage in ("head", "all"):
            expected = losses[run_name, "flat", stage] - losses[run_name, "sham", stage]
            assert differences[run_name, "flat", stage] == pytest.approx(expected)
    assert rows.query("operation != 'sham'")["id_bits_per_byte_difference_stderr"].notna().all()


def test_the_gauge_moves_the_rank_and_not_the_loss(operated: tuple[Path, str]) -> None:
    rows = table(operated[0], "surgery").set_index(["operation", "stage"]).sort_index()
    shift, sham = (rows.loc[(name, "operated")] for name in ("shift", "sham"))
    assert shift["effective_rank_pct"].tolist() == pytest.approx([50, 50], abs=1e-3)
    assert (sham["effective_rank_pct"] > 80).all()
    projected = "projected_effective_rank_pct"
    assert shift[projected].tolist() == pytest.approx(sham[projected].tolist(), rel=1e-5)
    for stage in ("operated", "head", "all"):
        assert rows.loc[("shift", stage), "id_bits_per_byte_difference"].abs().max() < 1e-4
    assert (rows.loc[("flat", "operated"), "id_bits_per_byte_difference"].abs() > 1e-2).all()


def test_geometry_predicts_nothing_of_it(operated: tuple[Path, str]) -> None:
    variants = set(table(operated[0], "observations")["variant"])
    assert {"surgery-flat", "surgery-flat-head", "surgery-sham-all"} <= variants
    associated = set(table(operated[0], "associations")["variant"])
    assert associated == {"base", "gptq-3bit", "gptq-8bit", "finetuned-code"}
