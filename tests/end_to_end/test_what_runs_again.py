"""What an edit of a finished study plans: the table of docs/studies.md, row by row.

Each row is planned four times, in the folder where the study ran and in a new clone that has its
results, by Snakemake's default triggers and by times alone; all must plan the same jobs.
"""

from pathlib import Path

import pytest
from edits import NOTHING, ROWS, copies, plans, times
from tiny_study import ROOT


def test_what_changes_nothing_runs_nothing(finished: Path, tmp_path: Path) -> None:
    assert plans(copies(finished, tmp_path, *NOTHING.values())) == [{}] * 4


@pytest.mark.parametrize("name", ROWS)
def test_an_edit_plans_its_own_work(finished: Path, tmp_path: Path, name: str) -> None:
    folders = copies(finished, tmp_path, ROWS[name].edit)
    before = times(folders[1])
    assert plans(folders) == [ROWS[name].jobs] * 4
    assert times(folders[1]) == before, "who only looks leaves no trace"


def test_the_docs_have_every_row() -> None:
    text = (ROOT / "docs" / "studies.md").read_text().split("## What is run again after an edit")[1]
    table = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| "))
    for name in (*NOTHING, *ROWS):
        assert name in table, name
