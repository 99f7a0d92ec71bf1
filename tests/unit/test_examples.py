"""The notebooks in examples/ run from top to bottom, and show what their text says."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

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
    assert [path.name for path in NOTEBOOKS] == ["library.ipynb"]


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
