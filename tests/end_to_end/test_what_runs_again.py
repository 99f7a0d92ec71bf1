"""What an edit of a finished study runs again: the table of docs/studies.md, row by row.

With Snakemake's memory of earlier runs and its default triggers, and without, by times alone: both
must plan the same jobs.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_study import ROOT, command

Edit = Callable[[Path], None]

TABLES = {"collect", "compare_runs", "judge_saturation", "regress", "judge_claims"}
TABLES |= {"draw_figures", "write_report", "all"}
DESIGN = {"write_design", "simulate"}
"""A study file that says something else makes the list of what is expected anew."""


def config(change: Callable[[dict[str, Any]], Any]) -> Edit:
    def edit(folder: Path) -> None:
        content = yaml.safe_load((folder / "tiny.yaml").read_text())
        change(content)
        (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    return edit


def appended(path: str, line: str) -> Edit:
    def edit(folder: Path) -> None:
        with (folder / path).open("a") as file:
            file.write(line)

    return edit


def reordered(content: dict[str, Any]) -> None:
    before = list(content.items())
    content.clear()
    content.update(reversed(before))
    heldout = content["corpus"]["heldout"]
    content["corpus"]["heldout"] = dict(reversed(heldout.items()))


def touched(folder: Path) -> None:
    for path in [*folder.glob("workflow/**/*.*"), folder / "Snakefile"]:
        os.utime(path)


SCRIPT = "workflow/scripts/evaluate_checkpoints.py"
MEASURED = {"measure_geometry": 2, "evaluate_checkpoints": 2}
PERTURBED = {"quantize": 2, "finetune": 2}
ALSO = {"save": {"count": 3, "first": 0.25, "also": {"2K_*": [9]}}}
MODEL = {"mine": {"source": "model", "revisions": {7: "."}}}

ROWS: list[tuple[str, Edit, dict[str, int] | None]] = [
    ("nothing", lambda folder: None, None),
    ("files touched", touched, None),
    ("a comment", appended(SCRIPT, "# why\n"), None),
    ("a partition", appended("slurm/config.yaml", "# partition: gpu\n"), None),
    ("the order of keys", config(reordered), {}),
    ("threads", config(lambda c: c.update(execution={"threads": 2, "micro_batch": 32})), {}),
    ("statistics", config(lambda c: c["statistics"].update(resamples=200)), {}),
    ("a size removed", config(lambda c: c["sizes"].pop()), {}),
    (
        "a value in a sweep",
        config(lambda c: c["design"].update(sweeps=[{"weight_decay": [0.5]}])),
        {"pretrain": 2} | MEASURED | PERTURBED,
    ),
    (
        "a step",
        config(lambda c: c.update(ALSO)),
        dict.fromkeys(("pretrain", *MEASURED, *PERTURBED), 1),
    ),
    (
        "a model",
        config(lambda c: c.update(checkpoints=MODEL)),
        {"import_checkpoint": 1} | dict.fromkeys(MEASURED, 1),
    ),
    (
        "a task",
        config(lambda c: c["evaluation"]["tasks"].append({"name": "sciq", "limit": 4})),
        {"evaluate_checkpoints": 2},
    ),
    (
        "a domain for H",
        config(lambda c: c["geometry"]["representations"].update(domains=["id", "code", "ood"])),
        {"measure_geometry": 2},
    ),
    (
        "a bit width",
        config(lambda c: c["perturbation"]["quantize"].update(bits=[3, 4, 8])),
        {"evaluate_checkpoints": 2} | PERTURBED,
    ),
]


def planned(folder: Path, *arguments: str) -> dict[str, int]:
    done = subprocess.run(command("-n", *arguments), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    if "Nothing to be done" in done.stdout + done.stderr:
        return {}
    if "Job stats:" not in done.stdout:
        # only files whose times are newer than nothing
        return {}
    rows = [
        row.split() for row in done.stdout.rsplit("Job stats:", 1)[1].split("\n\n")[0].splitlines()
    ]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    del counts["total"]
    return counts


@pytest.mark.parametrize("remembered", [True, False], ids=["remembered", "by times alone"])
@pytest.mark.parametrize(("edit", "jobs"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_an_edit_runs_its_own_work_again(
    study: Path, tmp_path: Path, edit: Edit, jobs: dict[str, int] | None, remembered: bool
) -> None:
    folder = tmp_path / "copy"
    ignored = () if remembered else (".snakemake",)
    shutil.copytree(
        study, folder, copy_function=shutil.copy2, ignore=shutil.ignore_patterns(*ignored)
    )
    (folder / ".snakemake").mkdir(exist_ok=True)  # where make keeps its lock
    edit(folder)
    arguments = () if remembered else ("--rerun-triggers", "mtime")
    expected = {} if jobs is None else dict.fromkeys(DESIGN | TABLES, 1) | jobs
    assert planned(folder, *arguments) == expected


def test_the_docs_name_every_row() -> None:
    table = (
        (ROOT / "docs" / "studies.md").read_text().split("## What is run again after an edit")[1]
    )
    for name, *_ in ROWS[1:]:
        assert name in table, name
