"""The workflow plans what it should, and refuses what it should, before any job starts."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")


def snakemake(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the workflow with its results in another folder."""
    command = [str(SNAKEMAKE), "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=ROOT)


def job_counts(output: str) -> dict[str, int]:
    """The table of jobs per rule that a dry run prints."""
    table = output.rsplit("Job stats:", 1)[1].split("\n\n")[0]
    rows = [line.split() for line in table.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def overlay(tmp_path: Path, changes: dict[str, Any]) -> str:
    path = tmp_path / "overlay.yaml"
    path.write_text(yaml.safe_dump(changes))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the tests' sample as the default study, and nothing else."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "config.yaml").write_text((ROOT / "tests" / "sample.yaml").read_text())
    return folder


BY_COHORT = ("pretrain", "measure_geometry", "evaluate_checkpoints")


def test_the_default_study_is_a_job_a_size(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    done = snakemake("-n", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = job_counts(done.stdout)
    assert {counts[rule] for rule in (*BY_COHORT, "quantize", "finetune")} == {2}


def test_a_study_is_planned_a_job_a_cohort(folder: Path) -> None:
    done = snakemake("-n", folder=folder)
    assert done.returncode == 0, done.stderr
    counts = job_counts(done.stdout)
    assert {counts[rule] for rule in BY_COHORT} == {2 * 2}  # two sizes, nine runs each
    assert {counts[rule] for rule in ("quantize", "finetune")} == {2}  # one run a size
    assert counts["gather_passages"] == 3
    assert counts["total"] == 31


def test_a_run_can_be_a_job_of_its_own(folder: Path, tmp_path: Path) -> None:
    study = overlay(tmp_path, {"execution": {"runs_per_job": 1}})
    done = snakemake("-n", "--configfile", study, folder=folder)
    assert done.returncode == 0, done.stderr
    counts = job_counts(done.stdout)
    assert {counts[rule] for rule in BY_COHORT} == {18}
    assert "trained/131K_tok262k_bs16_wd0.1_lr1x_fin0.1_s0.json" in done.stdout


@pytest.mark.parametrize(
    ("target", "has", "lacks"),
    [
        ("train", "pretrain", "measure_geometry"),
        ("geometry", "measure_geometry", "evaluate_checkpoints"),
        ("perturb", "finetune", "evaluate_checkpoints"),
        ("evaluate", "evaluate_checkpoints", "measure_geometry"),
        ("tables", "analyze", "write_report"),
        ("report", "write_report", "nothing"),
    ],
)
def test_named_targets(folder: Path, target: str, has: str, lacks: str) -> None:
    done = snakemake("-n", target, folder=folder)
    assert done.returncode == 0, done.stderr
    counts = job_counts(done.stdout)
    assert has in counts
    assert lacks not in counts


def test_an_overlay_says_only_what_differs(folder: Path, tmp_path: Path) -> None:
    changes = {
        "study": "mine",
        "sizes": [{"name": "8K", "d_model": 16, "n_layers": 2, "n_heads": 2}],
    }
    done = snakemake("-n", "--configfile", overlay(tmp_path, changes), folder=folder)
    assert done.returncode == 0, done.stderr
    assert job_counts(done.stdout)["pretrain"] == 2
    assert "results/mine/report.html" in done.stdout


def test_a_study_of_ones_own_needs_no_more_than_the_readme_says(
    folder: Path, tmp_path: Path
) -> None:
    example = (ROOT / "README.md").read_text().split("```yaml")[1].split("```")[0]
    mine = yaml.safe_load(example)
    text = tmp_path / "mine.jsonl"
    text.write_text('{"text": "a"}')
    mine["corpus"] = {"train": [f"jsonl:{text}"], "heldout": {"id": {"source": "stdlib-python"}}}
    done = snakemake("-n", "--configfile", overlay(tmp_path, mine), folder=folder)
    assert done.returncode == 0, done.stderr
    counts = job_counts(done.stdout)
    assert counts["pretrain"] and not {"quantize", "finetune"} & set(counts)  # those of the demo


def test_a_wrong_study_is_one_screen_and_no_job(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    changes = {
        "colour": "blue",
        "design": {"base": {"batch_size": -1}},
        "evaluation": {"tasks": [{"name": "arc_esay"}]},
    }
    done = snakemake("-n", "--configfile", overlay(tmp_path, changes), folder=tmp_path)
    assert done.returncode != 0
    shown = done.stdout + done.stderr
    assert "has 3 faults" in shown
    for path in ("colour: unknown key", "design.base.batch_size", "evaluation.tasks[0].name"):
        assert path in shown
    assert "Traceback" not in shown
    assert len(shown.splitlines()) < 30
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"study: mine\nstudy: yours\n", "the key 'study' is there twice"),
        (b"study: mine\ncorpus: {train: ['text:none/*.md']}\n", "text:none/*.md matches no file"),
    ],
)
def test_a_file_that_cannot_be_meant_starts_nothing(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    (tmp_path / "mine.yaml").write_bytes(content)
    done = snakemake("-n", "--configfile", str(tmp_path / "mine.yaml"), folder=tmp_path)
    shown = done.stdout + done.stderr
    assert done.returncode != 0
    assert said in shown
    assert "Traceback" not in shown and len(shown.splitlines()) < 30
    assert not (tmp_path / "results").exists()


def test_results_that_cannot_be_written_to_are_said_in_a_line(tmp_path: Path) -> None:
    config = (ROOT / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(config)
    results = tmp_path / "results" / yaml.safe_load(config)["study"]
    results.parent.mkdir()
    results.touch()  # in the way, also of who may write anywhere
    done = snakemake("-n", folder=tmp_path)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert f"results/{results.name} cannot be written to: [Errno 20] Not a directory" in said
    assert "start.py" not in said


def test_gpu_work_asks_for_a_gpu_and_the_rest_does_not() -> None:
    rules = {path.stem: path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")}
    gpu = re.compile(r"\*\*REQUESTS\.(training|finetuning|measuring|evaluating)\.resources")
    for stem, text in rules.items():
        asks = bool(gpu.search(text))
        assert asks == (stem in ("train", "geometry", "evaluate", "perturb")), stem


def test_scripts_are_thin() -> None:
    for script in (ROOT / "workflow" / "scripts").glob("*.py"):
        assert len(script.read_text().splitlines()) <= 60, f"{script.name} holds logic"
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert "run:" not in rules and "lambda" not in rules


def test_a_job_that_asks_for_more_than_there_is_is_refused(folder: Path, tmp_path: Path) -> None:
    study = overlay(tmp_path, {"execution": {"by_size": {"131K": {"gpu": 2}}}})
    allowed = ["--configfile", study, "--cores", "2", "--resources"]
    assert snakemake("-n", *allowed, "gpu=2", folder=folder).returncode == 0
    refused = snakemake("-n", *allowed, "gpu=1", folder=folder)
    assert refused.returncode != 0
    assert "gpu=1 allows: 131K: 2" in refused.stdout + refused.stderr


def test_how_a_run_is_trained_is_no_part_of_its_name(folder: Path, tmp_path: Path) -> None:
    execution = {"threads": 2, "flops_per_second": 1e9, "by_size": {"33K": {"gpu": 2}}}
    names = []
    for changes in ({"runs_per_job": 1}, {"runs_per_job": 1} | execution):
        study = overlay(tmp_path, {"execution": changes})
        shown = snakemake("-n", "train", "--configfile", study, folder=folder)
        names.append(set(re.findall(r"trained/(\S+).json", shown.stdout)))
    assert len(names[0]) == 18 and names[0] == names[1]


def test_the_slurm_profile_is_read(folder: Path) -> None:
    shown = snakemake("-n", "--profile", str(ROOT / "slurm"), folder=folder)
    assert shown.returncode == 0, shown.stderr
    assert job_counts(shown.stdout)["pretrain"] == 4


@pytest.mark.parametrize(
    ("study", "jobs"),
    [
        # 6 sizes x 18 configurations, at most nine runs a job
        ("mini108", dict.fromkeys((*BY_COHORT, "quantize", "finetune"), 17)),
        # two sizes, tied and not, times six configurations and seeds, five runs a job
        ("tied", dict.fromkeys(BY_COHORT, 8)),
        # two sizes times six configurations times three seeds, and the text of the late change
        ("controls", dict.fromkeys(BY_COHORT, 4) | {"gather_target": 1, "tokenize_target": 1}),
        # three sizes times 25 configurations, at most nine runs a job
        ("regime", dict.fromkeys(BY_COHORT, 9)),
        # five models from the hub, and nothing to train on
        ("pythia", {"warm": 1, "import_checkpoint": 5, "measure_geometry": 5, "total": 25}),
        # every run a job; the text in shards, fetched by one job
        (
            "paper",
            dict.fromkeys((*BY_COHORT, "quantize", "finetune"), 108)
            | {"warm": 1, "tokenize_shard": 30, "gather_passages": 5, "gather_target": 2},
        ),
    ],
)
def test_studies_expand_to_their_jobs(folder: Path, study: str, jobs: dict[str, int]) -> None:
    path = str(ROOT / "studies" / f"{study}.yaml")
    shown = snakemake("-n", "--configfile", path, folder=folder)
    assert shown.returncode == 0, shown.stderr
    assert jobs.items() <= job_counts(shown.stdout).items()


def test_the_papers_study_is_priced(folder: Path) -> None:
    path = str(ROOT / "studies" / "paper.yaml")
    shown = snakemake("--cores", "1", "plan", "--configfile", path, folder=folder)
    assert shown.returncode == 0, shown.stderr
    plan = pd.read_parquet(folder / "results" / "paper" / "tables" / "plan.parquet")
    assert plan["runs"].tolist() == [18] * 6
    assert plan["tokens"].sum() == pytest.approx(6 * 664e9, rel=1e-3)
    assert 2500 < plan["gpu_hours"].sum() < 3500  # the paper: about 3000


def test_the_plan_says_what_jobs_ask_a_cluster_for(folder: Path, tmp_path: Path) -> None:
    by_size = {"33K": {"gpu": 4, "nodes": 2, "runtime": 90}}
    study = overlay(tmp_path, {"execution": {"by_size": by_size}})
    site = ("--set-resources", "pretrain:slurm_partition='a100'")
    shown = snakemake("plan", "--cores", "1", *site, "--configfile", study, folder=folder)
    assert shown.returncode == 0, shown.stderr
    lines = (shown.stdout + shown.stderr).splitlines()
    rows = [row for row in map(str.split, lines) if len(row) > 2]  # not those that only count
    (pretrain,) = [row for row in rows if row[:2] == ["pretrain", "4"]]
    assert pretrain[2:4] == ["1-4", "1-2"] and pretrain[5:] == ["15-90", "a100"]
    (measuring,) = [row for row in rows if row[:2] == ["measure_geometry", "4"]]
    assert measuring[2:4] == ["1", "1"] and measuring[5:] == ["15-90", "the", "site's"]


def test_all_matrices_are_measured_where_a_study_asks_for_it(folder: Path, tmp_path: Path) -> None:
    study = overlay(tmp_path, {"geometry": {"matrices": "all"}})
    shown = snakemake("-n", "--configfile", study, folder=folder)
    assert shown.returncode == 0, shown.stderr
    counts = job_counts(shown.stdout)
    assert (counts["measure_matrices"], counts["collect_matrices"]) == (4, 1)


def test_gradients_are_measured_where_a_study_asks_for_it(folder: Path, tmp_path: Path) -> None:
    study = overlay(tmp_path, {"geometry": {"gradients": 2}})
    shown = snakemake("-n", "--configfile", study, folder=folder)
    assert shown.returncode == 0, shown.stderr
    counts = job_counts(shown.stdout)
    assert (counts["measure_gradients"], counts["collect_gradients"]) == (4, 1)


def test_layers_are_compared_where_a_study_asks_for_it(folder: Path, tmp_path: Path) -> None:
    study = overlay(tmp_path, {"geometry": {"layers": True}})
    shown = snakemake("-n", "--configfile", study, folder=folder)
    assert shown.returncode == 0, shown.stderr
    counts = job_counts(shown.stdout)
    assert (counts["compare_layers"], counts["collect_layers"]) == (4, 1)


def test_neighbours_are_judged_where_a_study_asks_for_it(folder: Path, tmp_path: Path) -> None:
    asked = {"neighbours": True, "evaluation": {"token_trends": True}}
    shown = snakemake("-n", "--configfile", overlay(tmp_path, asked), folder=folder)
    assert shown.returncode == 0, shown.stderr
    counts = job_counts(shown.stdout)
    assert (counts["follow_tokens"], counts["judge_neighbours"]) == (4, 1)
    default = job_counts(snakemake("-n", folder=folder).stdout)
    assert not {"follow_tokens", "judge_neighbours"} & default.keys()
    assert counts["total"] == default["total"] + 5


def test_surgery_is_planned_with_its_recovery_where_a_study_asks_for_it(
    folder: Path, tmp_path: Path
) -> None:
    recovery = {"tokens": "65k", "batch_size": 16, "weight_decay": 0.1, "learning_rate": 0.3}
    recovery |= {"final_lr": 0, "seed": 0}
    operations = {"flat": {"kind": "power", "exponent": 0.5}}
    alone = {"quantize": None, "finetune": {"code": None}}
    section = {"surgery": {"operations": operations, "recovery": recovery}} | alone
    study = overlay(tmp_path, {"perturbation": section})
    shown = snakemake("-n", "--configfile", study, folder=folder)
    assert shown.returncode == 0, shown.stderr
    counts = job_counts(shown.stdout)
    per_cohort = {counts[rule] for rule in ("operate", "recover", "measure_surgery")}
    assert (per_cohort, counts["collect_surgery"]) == ({2}, 1)  # one run a size
    assert "figures/perturbations" not in shown.stdout, "no change that geometry may predict"
    del section["surgery"]["recovery"]
    refused = snakemake("-n", "--configfile", overlay(tmp_path, {"perturbation": section}),
                        folder=folder)  # fmt: skip
    assert "perturbation.surgery.recovery: is missing" in refused.stdout + refused.stderr


def test_compression_is_planned_where_a_study_asks_for_it(folder: Path, tmp_path: Path) -> None:
    section = {
        "truncate": {"late": {"matrices": ["down"], "layers": [-1], "rank": 0.5}},
        "prune": {"sparsity": [0.5]},
    }
    for asked, jobs in ((section, 2), ({}, 0)):  # one run a size
        study = overlay(tmp_path, {"perturbation": asked})
        shown = snakemake("-n", "--configfile", study, folder=folder)
        assert shown.returncode == 0, shown.stderr
        assert job_counts(shown.stdout).get("compress", 0) == jobs


def test_a_study_is_priced_every_time_it_is_asked(folder: Path) -> None:
    for _ in range(2):
        shown = snakemake("--cores", "1", "plan", folder=folder)
        assert shown.returncode == 0, shown.stderr
        assert "18 runs to train or extend" in shown.stdout + shown.stderr
    assert (folder / "results" / "demo" / "tables" / "plan.parquet").is_file()
