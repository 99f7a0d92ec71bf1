"""Truncation and pruning by the real workflow: a finished study is extended, up to the report."""

from pathlib import Path

import pytest
from edits import COMPRESSION, ROWS, copies, counted, planned, run
from tiny_study import table

from disentangle.checkpoint.references import read_perturbed

EDIT = "a truncation or a sparsity"
VARIANTS = {*(f"truncated-{name}" for name in COMPRESSION["truncate"]), "pruned-50"}


@pytest.fixture(scope="module")
def compressed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone of the finished study with compression, and what its run showed."""
    edits = [ROWS[name].edit for name in (EDIT, "findings of neighbouring papers")]
    _, clone = copies(finished, tmp_path_factory.mktemp("compressed"), *edits)
    return clone, run(clone, "--cores", "2", "all")


def test_compression_and_nothing_else_is_made(compressed: tuple[Path, str]) -> None:
    clone, shown = compressed
    found = counted(shown, r"(\d+) evaluations made, (\d+) taken")
    assert found == ROWS[EDIT].evaluations
    assert planned(clone, "--cores", "2", "all") == {}
    assert table(clone, "missing").empty
    for path in (clone / "results" / "tiny" / "compressed").glob("*.json"):
        assert {outcome.variant for outcome in read_perturbed(path)} == VARIANTS


def test_cost_is_beside_what_is_left(compressed: tuple[Path, str]) -> None:
    rows = table(compressed[0], "compressed").set_index(["variant", "run"])
    assert len(rows) == 2 * (len(VARIANTS) + 2)  # and two bit widths
    changes = table(compressed[0], "observations").set_index(["variant", "run"])
    assert rows["added"].to_dict() == changes["id_bits_per_byte_change"][rows.index].to_dict()
    assert rows.loc["pruned-50", "kept"].tolist() == [0.5, 0.5]
    assert rows.loc["truncated-late", "kept"].tolist() == [0.5, 0.5]
    energies = rows.loc[sorted(VARIANTS), "energy"]
    assert energies.between(0, 1, inclusive="neither").all()
    assert (rows.loc["truncated-attention", "energy"] > 0.5).all()


def test_the_report_has_the_section_with_its_figure(compressed: tuple[Path, str]) -> None:
    clone = compressed[0]
    chosen = table(clone, "chosen_truncations")
    assert set(chosen["candidates"]) == {3} and set(chosen["variant"]) <= VARIANTS
    assert (chosen["passages_chosen_on"] + chosen["passages_tested_on"]).eq(8).all()
    assert set(table(clone, "neighbours")["claim"]) >= {10, 11, 12, 13}
    report = (clone / "results" / "tiny" / "report.html").read_text()
    assert "Rank, and what compression costs" in report
    assert 'aria-label="compression"' in report
