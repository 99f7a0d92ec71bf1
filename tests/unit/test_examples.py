"""The notebooks in examples/ run from top to bottom, and show what their text says."""

import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from planted_report import planted_tables

from disentangle.tables.collected import COSTS, OBSERVATIONS
from disentangle.tables.estimated import ASSOCIATIONS
from disentangle.tables.files import write_table

sys.path.insert(0, str(Path(__file__).parent / "observations"))
from a_suite import suite

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def run(path: Path) -> dict[str, Any]:
    """Run its cells of code in order, in one namespace: plain Python, so that no kernel is needed.

    Returns:
        The names that it leaves.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(read(path).cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{path.name}, cell {number}", "exec"), names)
    return names


def test_there_are_examples() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["library", "question", "tables"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_what_it_once_gave(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in cells if cell.outputs or cell.execution_count] == []


def test_the_library_is_shown_as_it_is() -> None:
    names = run(EXAMPLES / "library.ipynb")
    assert (names["of_model"]["rows"], names["of_model"]["dim"]) == (990, 64)
    assert names["measured"].keys() >= {metric.name for metric in names["METRICS"]}
    association = names["association"]
    assert association["metric"] == "W_effective_rank_pct"
    assert association["rho_low"] > 0, "rank goes with loss"
    assert association["residual_low"] < 0 < association["residual_high"], "and choices explain it"
    claims = names["found"].claims
    assert set(claims["verdict"]) >= {"undecided"}
    assert names["Shown"](names["rank_and_loss"](names["observations"]))._repr_svg_().rstrip()
    assert not names["folder"].exists()


def test_a_table_leads_to_a_decided_question(monkeypatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    matplotlib.use("agg")
    names = run(EXAMPLES / "question.ipynb")
    row, claims = names["row"], names["found"].claims
    assert row["rho_high"] < 0 and row["residual_high"] < 0, "it is still there"
    assert row["verdict"] == "beyond training"
    verdicts = dict(zip(claims["claim"], claims["verdict"], strict=True))
    assert verdicts[3] == "fails", "as the text says"
    plt.close("all")


def test_the_table_of_the_notebook_is_that_of_the_documentation() -> None:
    shown = pd.read_csv(EXAMPLES / "suite.csv").fillna({"remarks": ""})
    pd.testing.assert_frame_equal(shown, suite(effect=2), atol=1e-6, check_dtype=False)


def test_a_studys_tables_are_read_with_duckdb(tmp_path, monkeypatch) -> None:
    tables = planted_tables()
    (tmp_path / "examples").mkdir()
    (tmp_path / "results/demo/tables").mkdir(parents=True)
    for schema in (OBSERVATIONS, ASSOCIATIONS, COSTS):
        path = tmp_path / f"results/demo/tables/{schema.name}.parquet"
        write_table(tables[schema.name], schema, path)
    monkeypatch.chdir(tmp_path / "examples")
    names = run(EXAMPLES / "tables.ipynb")
    beyond = names["verdicts"].query("verdict == 'beyond training'")
    assert beyond["metrics"].tolist() == [1]
    last = tables["observations"].query("final")
    best = last.loc[last.groupby("size")["id_bits_per_byte"].idxmin()]
    found = names["extremes"]
    assert found["best"].tolist() == best.sort_values("size")["run"].tolist()
    assert (names["lost"]["lost"] > 0).all()
