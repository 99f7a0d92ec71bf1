"""What an edit of a finished study computes: the table of docs/studies.md, run for real.

Rows are run in a new clone that has the study's results and not Snakemake's memory of them; the
jobs, and what they computed and found done, are counted.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from edits import ANEW, ROWS, Counts, copies, counted, planned, run

from disentangle.storage import sha256_of


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        # a cohort of their own, and all other cohorts; all the way to the report
        (("a model", "a metric of the spectrum", "findings of neighbouring papers"), ["all"]),
        # one of evaluation and one of geometry, which are counted apart
        (("a task", "a domain for H"), ["geometry", "evaluate"]),
        (("a bit width", "the logic of a helper"), ["geometry", "evaluate"]),
        (("a fine-tuning target", "a metric of the matrix itself"), ["geometry", "evaluate"]),
        (("a step",), ["geometry", "evaluate"]),
        (("a value in a sweep",), ["geometry", "evaluate"]),
        (
            ("the logic of evaluation", "the logic by which matrices are read"),
            ["geometry", "evaluate"],
        ),
        (("a step removed",), ["geometry", "evaluate"]),
        (("a size removed", "statistics"), ["all"]),
    ],
)
def test_what_is_run_computes_what_is_new(
    finished: Path, tmp_path: Path, names: tuple[str, ...], targets: list[str]
) -> None:
    rows = [ROWS[name] for name in names]
    _, clone = copies(finished, tmp_path, *(row.edit for row in rows))
    only = ("--cores", "2", *targets)  # after an option, since --configfile takes all that follows
    weights = {path: sha256_of(path) for path in clone.rglob("*.safetensors")}
    due: Counts = {}
    for row in rows:
        due = {rule: due.get(rule, 0) for rule in (due | row.jobs)}
        due = {rule: max(n, row.jobs.get(rule, 0)) for rule, n in due.items()}
    if "a model" in names:  # which has a job of its own beside those of the sizes
        due |= {"measure_geometry": 3, "evaluate_checkpoints": 1}
    if targets != ["all"]:
        due = {rule: n for rule, n in due.items() if rule not in ANEW}
        due |= dict.fromkeys(targets, 1)
    shown = run(clone, *only)
    ran = re.findall(r"\(Rule: (\w+)\)", shown)
    assert {rule: ran.count(rule) for rule in ran} == due
    matrices = r"(\d+) matrices measured(?: \([^)]*\))?, (\d+) taken"
    assert counted(shown, matrices) == summed(row.matrices for row in rows)
    evaluations = counted(shown, r"(\d+) evaluations made, (\d+) taken")
    assert evaluations == summed(row.evaluations for row in rows)
    assert all(row.said in shown for row in rows)
    assert planned(clone, *only) == {}
    assert weights == {path: sha256_of(path) for path in weights}, "what is trained stays"


def test_a_metric_of_ones_own_is_in_every_table_and_figure(finished: Path, tmp_path: Path) -> None:
    row = ROWS["a metric of one's own"]
    _, clone = copies(finished, tmp_path, row.edit)
    shown = run(clone, "--cores", "2", "all")
    assert row.said in shown and planned(clone, "--cores", "2", "all") == {}
    results = clone / "results" / "tiny"
    geometry = pd.read_parquet(results / "tables" / "geometry.parquet")
    assert geometry["tail"].between(0, 0.5).all()
    centered = geometry[geometry["matrix"].isin(["W", "H"])]  # the others have no centred columns
    assert centered["tail_centered"].between(0, 0.5).all()
    observed = pq.read_schema(results / "tables" / "observations.parquet")
    for name in ("W_tail", "H_tail", "H_code_tail", "W_tail_centered"):
        assert b"Share of the smaller half" in observed.field(name).metadata[b"meaning"]
    associated = pd.read_parquet(results / "tables" / "associations.parquet")["metric"]
    assert {"W_tail", "H_tail", "H_code_tail"} <= set(associated)
    assert "W: tail" in (results / "figures" / "associations.svg").read_text()
    assert "W: tail" in (results / "report.html").read_text()


def summed(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    new, old = zip(*counts, strict=True)
    return sum(new), sum(old)
