"""The plan prices a study, and knows what of it is done."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from disentangle.planning import training
from disentangle.planning.screen import as_text
from disentangle.planning.training import Cost, plan_rows, strangers
from disentangle.storage import write_json
from disentangle.study import Run, expand, read_config
from disentangle.study.run import training_flops
from disentangle.study.sections.design import Cooldown
from disentangle.study.sections.perturbation import Perturbation

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run() -> Run:
    """131K weights in blocks, 128 steps, checkpoints at 0, 4, 13, 40, 128."""
    config = yaml.safe_load((ROOT / "tests" / "sample.yaml").read_text())
    return next(r for r in expand(read_config(config)) if r.size.name == "131K")


def cost_of(run: Run, folder: Path, perturbation: Perturbation | None = None) -> Cost:
    return training.cost_of(run, folder, perturbation or Perturbation(), folder / "perturbed")


def begin(run: Run, folder: Path, *steps: int) -> Path:
    """A run's folder as training leaves it, weights apart."""
    write_json(folder / "identity.json", run.identity() | {"tokens_sha256": "x"})
    for step in steps:
        (folder / f"step{step}").mkdir(parents=True)
    return folder


def test_a_run_is_priced_by_hand(run: Run, tmp_path: Path) -> None:
    cost = cost_of(run, tmp_path / run.name)
    tokens = 128 * 16 * 128
    assert (cost.state, cost.steps_left, cost.tokens) == ("train", 128, tokens)
    # blocks 16 d^2 L and the head's 2048 rows of 64, six operations a weight and token
    operations = 6 * (2 * 16 * 64**2 + 2048 * 64) * tokens
    assert cost.flops == cost.flops_left == operations
    (row,) = plan_rows([cost], flops_per_second=1e9, keep_states=False)
    assert row["gpu_hours"] == pytest.approx(operations / 1e9 / 3600)
    # embedding and head apart, fp32, five checkpoints
    assert row["disk_bytes"] == (2 * 16 * 64**2 + 2 * 2048 * 64) * 4 * 5
    (kept,) = plan_rows([cost], flops_per_second=1e9, keep_states=True)
    assert kept["disk_bytes"] == 4 * row["disk_bytes"]


def test_what_is_done_is_not_priced_again(run: Run, tmp_path: Path) -> None:
    done = cost_of(run, begin(run, tmp_path / "done", *run.checkpoints))
    assert (done.state, done.flops_left) == ("done", 0)


def test_a_missing_step_costs_the_way_from_the_latest_state(run: Run, tmp_path: Path) -> None:
    folder = begin(run, tmp_path / "some", *(s for s in run.checkpoints if s != 40))
    from_nothing = cost_of(run, folder)
    assert (from_nothing.state, from_nothing.missing) == ("extend", (40,))
    assert from_nothing.steps_left == 40
    assert said(from_nothing) == "40 of 128 steps, from the beginning: no state was kept"
    for step in (13, 128):
        (folder / "trainer" / f"step{step}-unsharded").mkdir(parents=True)
    from_state = cost_of(run, folder)
    assert from_state.steps_left == 40 - 13
    assert said(from_state) == "27 of 128 steps, from the state kept at 13"


def test_a_branch_costs_what_its_trunk_does_not_train_for_it(run: Run, tmp_path: Path) -> None:
    cooldown = Cooldown(share=0.25, warmup=2 * run.tokens_per_step)
    cooled = run.hyperparameters.model_copy(update={"cooldown": cooldown})
    branch = replace(run, name="branch", hyperparameters=cooled, trunk="trunk")
    branch = replace(branch, checkpoints=(96, 128))
    folder = tmp_path / branch.name
    waiting = cost_of(branch, folder)
    assert (waiting.state, waiting.steps_left) == ("train", 128 - 96)
    assert waiting.tokens == 32 * branch.tokens_per_step
    assert waiting.flops_left == waiting.flops == training_flops(branch, 32)
    # the state comes too late for an earlier checkpoint
    assert cost_of(replace(branch, checkpoints=(40, 96, 128)), folder).steps_left == 128
    # a trunk that has ended hands nothing over any more; what it handed over before counts
    write_json(tmp_path / "trunk" / "manifest.json", {})
    assert cost_of(branch, folder).steps_left == 128
    (folder / "trainer" / "step96-unsharded").mkdir(parents=True)
    assert cost_of(branch, folder).steps_left == 32


def said(cost: Cost) -> str:
    """What the plan says that further checkpoints cost."""
    rows = plan_rows([cost], flops_per_second=1e9, keep_states=False)
    (line,) = [
        line
        for line in as_text(rows, [cost], [], {}, [], 1e9, [], None).splitlines()
        if "further" in line
    ]
    return line.partition(" at 40 cost ")[2]


def test_a_diverged_run_is_done(run: Run, tmp_path: Path) -> None:
    folder = begin(run, tmp_path / "diverged", 0)
    write_json(folder / "diverged.json", {"step": 3})
    assert cost_of(run, folder).state == "done"


def test_a_folder_of_another_run_is_a_conflict_and_is_said_so(run: Run, tmp_path: Path) -> None:
    folder = begin(run, tmp_path / run.name)
    write_json(folder / "identity.json", run.identity() | {"steps": 7})
    cost = cost_of(run, folder)
    assert cost.state == "conflict"
    rows = plan_rows([cost], flops_per_second=1e9, keep_states=False)
    assert f"CONFLICT {run.name}" in as_text(rows, [cost], [], {}, [], 1e9, [], None)


def test_runs_that_left_the_study_are_named(run: Run, tmp_path: Path) -> None:
    begin(run, tmp_path / run.name)
    begin(run, tmp_path / "earlier")
    assert strangers([run], tmp_path) == ["earlier"]
    rows = plan_rows([cost_of(run, tmp_path / run.name)], flops_per_second=1e9, keep_states=False)
    assert "kept: earlier" in as_text(rows, [], [], {}, ["earlier"], 1e9, [])


def test_finetuning_and_what_is_kept_of_it_are_priced(run: Run, tmp_path: Path) -> None:
    target = {"domain": "code", "tokens": 65_536, "batch_size": 16, "weight_decay": 0.1}
    target |= {"learning_rate": 0.1, "final_lr": 0, "seed": 0}
    settings = {"quantize": {"bits": [3, 4]}, "finetune": {"code": target}}
    cost = cost_of(run, tmp_path / run.name, Perturbation.model_validate(settings))
    bare = cost_of(run, tmp_path / run.name)
    per_token = 6 * (2 * 16 * 64**2 + 2048 * 64)
    assert cost.flops - bare.flops == per_token * 32 * 16 * 128
    assert cost.flops_left == cost.flops
    weights = 2 * 16 * 64**2 + 2 * 2048 * 64
    assert cost.disk(False) - bare.disk(False) == 3 * 4 * weights
    none = cost_of(
        run, tmp_path / run.name, Perturbation.model_validate(settings | {"runs": ["other*"]})
    )
    assert (none.flops, none.disk(False)) == (bare.flops, bare.disk(False))


def test_surgery_and_its_recoveries_are_priced_the_shams_too(run: Run, tmp_path: Path) -> None:
    recovery = {"tokens": 65_536, "batch_size": 16, "weight_decay": 0.1, "learning_rate": 0.1}
    recovery |= {"final_lr": 0, "seed": 0}
    operations = {"turn": {"kind": "rotate"}, "half": {"kind": "truncate", "rank": 0.5}}
    section = {"surgery": {"operations": operations, "recovery": recovery}}
    perturbation = Perturbation.model_validate(section)
    cost, bare = cost_of(run, tmp_path / run.name, perturbation), cost_of(run, tmp_path / run.name)
    per_token = 6 * (2 * 16 * 64**2 + 2048 * 64)
    each = per_token * 32 * 16 * 128
    assert cost.flops - bare.flops == 3 * 2 * each  # two operations and the sham, head and all
    weights = 2 * 16 * 64**2 + 2 * 2048 * 64
    assert cost.disk(False) - bare.disk(False) == (2 + 3 * 2) * 4 * weights
    done = tmp_path / run.name / "perturbed" / run.name / "surgery-sham-head"
    write_json(done / "manifest.json", {})
    assert cost_of(run, tmp_path / run.name, perturbation).flops_left == cost.flops_left - each


def test_the_speed_that_was_reached_is_that_of_the_log(run: Run, tmp_path: Path) -> None:
    folder = begin(run, tmp_path / run.name, *run.checkpoints)
    seconds = [9.0, *[0.5] * (run.steps - 1)]  # the first step warms up
    pq.write_table(pa.table({"seconds": seconds}), folder / "training.parquet")
    cost = cost_of(run, folder)
    per_step = 6 * (2 * 16 * 64**2 + 2048 * 64) * 16 * 128
    assert cost.measured_flops_per_second == pytest.approx(per_step / 0.5)
    (row,) = plan_rows([cost], flops_per_second=1e9, keep_states=False)
    hours = cost.flops / (per_step / 0.5) / 3600
    assert f"100% of these operations are {hours:.3g} hours" in as_text(
        [row], [cost], [], {}, [], 1e9, [], None
    )


def test_a_table_of_the_plan_has_readable_amounts(run: Run, tmp_path: Path) -> None:
    rows = plan_rows([cost_of(run, tmp_path / run.name)], flops_per_second=1e9, keep_states=False)
    table = as_text(rows, [], [], {"pretrain": 1}, [], 1e9, []).splitlines()
    assert table[0].split() == [
        *("size", "runs", "done", "extend", "train", "tokens", "FLOPs", "GPU-h", "left", "disk")
    ]
    assert set(table[1]) == {"-"}
    assert table[2].split()[:6] == ["131K", "1", "0", "0", "1", "262K"]
    assert table[2].split()[-2:] == ["7.86", "MB"]  # five checkpoints of 393,216 weights in fp32
    assert table[3].split()[0] == "all"
    assert all(len(line) <= 80 for line in table)
