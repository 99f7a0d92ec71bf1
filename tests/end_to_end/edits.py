"""Edits of the finished tiny study, and what follows from each: the table of docs/studies.md."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tiny_study import ROOT, command, lay_out, register_a_model

Edit = Callable[[Path], None]
Counts = dict[str, int]

TABLES = {"collect", "analyze", "draw_figures", "write_report", "all"}
BY_SIZE = ("measure_geometry", "evaluate_checkpoints")


@dataclass(frozen=True)
class Row:
    """An edit, and what follows from it."""

    edit: Edit
    jobs: Counts = field(default_factory=dict)
    """Jobs by rule."""
    matrices: tuple[int, int] = (0, 0)
    """Measured, and taken as they were, by the geometry jobs that run."""
    evaluations: tuple[int, int] = (0, 0)
    """Made, and taken as they were, by the evaluation jobs that run."""
    said: str = ""
    """What the screen must show beside that."""


def jobs(*names: str, **counts: int) -> Counts:
    """One job of each rule that is named, and as many as said of others."""
    return dict.fromkeys(names, 1) | counts


# Edits


def config(change: Callable[[dict[str, Any]], Any]) -> Edit:
    def edit(folder: Path) -> None:
        content = yaml.safe_load((folder / "tiny.yaml").read_text())
        change(content)
        (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    return edit


def replaced(*places: tuple[str, str, str]) -> Edit:
    """Put new text for old in files, of which each must have it."""

    def edit(folder: Path) -> None:
        for path, old, new in places:
            text = (folder / path).read_text()
            assert old in text, f"{path} has no {old!r} any more"
            (folder / path).write_text(text.replace(old, new, 1))

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
    for pattern in ("workflow/**/*.*", "src/**/*.py", "*.yaml", "Snakefile"):
        for path in folder.glob(pattern):
            os.utime(path)


GEOMETRY = "src/disentangle/geometry"
A_METRIC = (
    "src/disentangle/vocabulary/metrics.py",
    '    Metric("frobenius_norm", "Frobenius norm", NORM, "Root of the sum of squares"),\n',
    '    Metric("frobenius_norm", "Frobenius norm", NORM, "Root of the sum of squares"),\n'
    '    Metric("fourth_norm", "fourth norm", NORM, "Sum of fourth powers"),\n',
)
OF_SPECTRUM = '        "frobenius_norm": frobenius_norm(sigma),\n'
READ_OFF = '            "isoscore": score,\n'
OF_THE_SPECTRUM = f'{OF_SPECTRUM}        "fourth_norm": float((sigma**4).sum() ** 0.25),\n'
OF_THE_MATRIX = f'{READ_OFF}            "fourth_norm": measured[f"fourth_norm{{suffix}}"],\n'
FOURTH = """\"\"\"The fourth norm.\"\"\"

from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, Record


def fourth_norms(matrix: Matrix) -> Record:
    return {
        "fourth_norm": float(matrix.M.double().pow(4).sum().pow(0.25)),
        f"fourth_norm{CENTERED}": float(matrix.centered.pow(4).sum().pow(0.25)),
    }
"""


def with_a_measurement(folder: Path) -> None:
    (folder / GEOMETRY / "fourth.py").write_text(FOURTH)
    replaced(
        A_METRIC,
        (f"{GEOMETRY}/metrics.py", READ_OFF, OF_THE_MATRIX),
        (
            f"{GEOMETRY}/measurements.py",
            "MEASUREMENTS = {\n",
            'MEASUREMENTS = {\n    "fourth_norms": "geometry/fourth.py",\n',
        ),
        (
            f"{GEOMETRY}/of_matrix.py",
            "        spectra,\n",
            "        fourth_norms,\n        spectra,\n",
        ),
        (
            f"{GEOMETRY}/of_matrix.py",
            "from disentangle.geometry.spectra import spectra\n",
            "from disentangle.geometry.spectra import spectra\n"
            "from disentangle.geometry.fourth import fourth_norms\n",
        ),
    )(folder)


OWN = """
def tail(singular_values):
    \"\"\"Share of the smaller half of the singular values in their sum.\"\"\"
    return singular_values[len(singular_values) // 2 :].sum() / singular_values.sum()
"""


def with_a_user_metric(folder: Path) -> None:
    (folder / "mine.py").write_text(OWN)
    config(lambda c: c["geometry"].update(metrics=["mine.py:tail"]))(folder)


SCRIPT = "workflow/scripts/evaluate_checkpoints.py"
LONGER = {"domain": "code", "tokens": "4k", "batch_size": 8, "weight_decay": 0.1}
LONGER |= {"learning_rate": 0.3, "final_lr": 0, "seed": 0}
ALSO = {"save": {"count": 3, "first": 0.25, "also": {"2K_*": [9]}}}
SURGERY = {
    "operations": {
        "shift": {"kind": "gauge", "target": 0.5},
        "flat": {"kind": "power", "exponent": 0.5},
    },
    "sequences": 4,
    "recovery": {"tokens": "2k", "batch_size": 8, "weight_decay": 0.1, "learning_rate": 0.3}
    | {"final_lr": 0, "seed": 0},
}
COMPRESSION: dict[str, Any] = {
    "truncate": {
        "late": {"matrices": ["down"], "layers": [-1], "rank": 0.5},
        "mlp": {"method": "cp", "matrices": ["gate", "up", "down"], "rank": 4},
        "attention": {"method": "tucker", "matrices": ["q", "k", "v", "o"], "energy": 0.8},
    },
    "prune": {"sparsity": [0.5]},
}
RESAMPLED = {"analyze", "draw_figures"}
ANEW = TABLES | {"simulate"}
MEASURED = dict.fromkeys(BY_SIZE, 2)

NOTHING: dict[str, Edit] = {
    "files touched": touched,
    "a comment": appended(SCRIPT, "# why\n"),
    "a docstring": replaced((f"{GEOMETRY}/angles.py", "Mean cosine between", "The mean of")),
    "a partition": appended("slurm/config.yaml", "# partition: gpu\n"),
    "the order of keys": config(reordered),
    "threads": config(lambda c: c.update(execution={"threads": 2, "micro_batch": 32})),
    "what an archive holds": config(lambda c: c.update(archive={"weights": "all"})),
}
"""Edits after which nothing is to be done; not after all of them together either."""

# Each of the two runs has 3 checkpoints of 8 matrices (W and Wproj; H, Wfisher and Wlogit on two
# domains); and 3 held-out domains of each checkpoint and of 3 variants, and a task: 24 matrices and
# 19 evaluations.
ROWS = {
    "statistics": Row(
        config(lambda c: c["statistics"].update(resamples=200)),
        jobs(*RESAMPLED, "write_report", "all"),
    ),
    "findings of neighbouring papers": Row(
        config(lambda c: c.update(neighbours=True)),
        jobs("judge_neighbours", "draw_figures", "write_report", "all"),
    ),
    "a size removed": Row(config(lambda c: c["sizes"].pop()), jobs(*ANEW)),
    "a step removed": Row(
        config(lambda c: c["save"].update(count=2)),
        jobs(*ANEW, pretrain=2, quantize=2, finetune=2, **MEASURED),
        matrices=(0, 32),
        evaluations=(0, 32),
    ),
    "a value in a sweep": Row(
        config(lambda c: c["design"].update(sweeps=[{"weight_decay": [0.5]}])),
        jobs(*ANEW, pretrain=2, quantize=2, finetune=2, **MEASURED),
        # as they were also: the new runs' beginnings, which have the same weights
        matrices=(32, 64),
        evaluations=(32, 44),
    ),
    "a step": Row(
        config(lambda c: c.update(ALSO)),
        jobs(*ANEW, *BY_SIZE, "pretrain", "quantize", "finetune"),
        matrices=(8, 24),
        evaluations=(3, 19),
    ),
    "a model": Row(
        register_a_model,
        jobs(*TABLES, *BY_SIZE, "import_checkpoint"),
        matrices=(8, 0),
        evaluations=(4, 0),
    ),
    "a task": Row(
        config(lambda c: c["evaluation"]["tasks"].append({"name": "sciq", "limit": 4})),
        jobs(*TABLES, evaluate_checkpoints=2),
        evaluations=(2, 38),
    ),
    "passages to evaluate": Row(
        config(lambda c: c["evaluation"].update(passages=9)),
        # GPTQ is calibrated on the passages behind them, fine-tuning on none of them
        jobs(*TABLES, quantize=2, evaluate_checkpoints=2),
        evaluations=(36, 2),
    ),
    "a domain for H": Row(
        config(lambda c: c["geometry"]["representations"].update(domains=["id", "code", "ood"])),
        jobs(*TABLES, measure_geometry=2),
        matrices=(18, 48),
    ),
    "a bit width": Row(
        config(lambda c: c["perturbation"]["quantize"].update(bits=[3, 4, 8])),
        jobs(*TABLES, quantize=2, evaluate_checkpoints=2),
        evaluations=(6, 38),
    ),
    "a fine-tuning target": Row(
        config(lambda c: c["perturbation"]["finetune"].update(longer=LONGER)),
        jobs(*TABLES, "gather_target", "tokenize_target", finetune=2, evaluate_checkpoints=2),
        evaluations=(6, 38),
    ),
    "a truncation or a sparsity": Row(
        config(lambda c: c["perturbation"].update(COMPRESSION)),
        jobs(*TABLES, compress=2, evaluate_checkpoints=2),
        # of each of two runs: three truncations and a pruning
        evaluations=(2 * 4 * 3, 38),
    ),
    "surgery": Row(
        config(lambda c: c["perturbation"].update(surgery=SURGERY)),
        jobs(
            *TABLES,
            "collect_surgery",
            operate=2,
            recover=2,
            measure_surgery=2,
            evaluate_checkpoints=2,
        ),
        # of each of two runs: two operations; they and the sham, head and all
        evaluations=(2 * (2 + 6) * 3, 38),
    ),
    "a metric of the spectrum": Row(
        replaced(A_METRIC, (f"{GEOMETRY}/metrics.py", OF_SPECTRUM, OF_THE_SPECTRUM)),
        jobs(*TABLES, measure_geometry=2),
        matrices=(0, 48),
    ),
    "a metric of the matrix itself": Row(
        with_a_measurement,
        jobs(*TABLES, measure_geometry=2),
        matrices=(48, 0),
        said="24 matrices measured (fourth_norms alone)",
    ),
    "a metric of one's own": Row(
        with_a_user_metric,
        jobs(*TABLES, measure_geometry=2),
        matrices=(48, 0),
        said="24 matrices measured (mine.py:tail alone)",
    ),
    "the logic of evaluation": Row(
        appended("src/disentangle/evaluation/scores.py", "K = 1\n"),
        jobs(*TABLES, evaluate_checkpoints=2),
        evaluations=(38, 0),
    ),
    "the logic by which matrices are read": Row(
        appended(f"{GEOMETRY}/representations.py", "K = 1\n"),
        jobs(*TABLES, measure_geometry=2),
        matrices=(48, 0),
    ),
    "the logic of a helper": Row(
        appended(f"{GEOMETRY}/angles.py", "K = 1\n"),
        jobs(*TABLES, measure_geometry=2),
        matrices=(48, 0),
        said="24 matrices measured (mean_cosine_similarities alone)",
    ),
}


# Where


def run(folder: Path, *arguments: str) -> str:
    """The workflow with the package of its own folder."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def copies(finished: Path, folder: Path, *edits: Edit) -> tuple[Path, Path]:
    """The folder that the study ran in, and a new clone that its results were copied to; edited."""
    here = Path(shutil.copytree(finished, folder / "here", copy_function=shutil.copy2))
    clone = lay_out(folder / "clone")
    shutil.copytree(ROOT / "src", clone / "src", copy_function=shutil.copy2)
    shutil.copytree(finished / "results", clone / "results", copy_function=shutil.copy2)
    for edit in edits:
        edit(here)
        edit(clone)
    return here, clone


def planned(folder: Path, *arguments: str) -> Counts:
    shown = run(folder, "-n", *arguments)
    if "Job stats:" not in shown:
        assert "Nothing to be done" in shown
        return {}
    table = shown.rsplit("Job stats:", 1)[1].split("\n\n")[0]
    rows = [line.split() for line in table.splitlines()]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    del counts["total"]
    return counts


def plans(folders: tuple[Path, Path]) -> list[Counts]:
    """What is planned in each folder, by the default triggers and by times alone."""

    def both(folder: Path) -> list[Counts]:
        return [planned(folder), planned(folder, "--rerun-triggers", "mtime")]

    with ThreadPoolExecutor(2) as two:  # no two look at one folder at once
        return [plan for of_folder in two.map(both, folders) for plan in of_folder]


def times(folder: Path) -> dict[Path, int]:
    files = (path for path in folder.glob("results/**/*") if path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}


def counted(shown: str, pattern: str) -> tuple[int, int]:
    """What all jobs say that they computed, and took as it was."""
    found = [(int(new), int(old)) for new, old in re.findall(pattern, shown)]
    return sum(new for new, _ in found), sum(old for _, old in found)
