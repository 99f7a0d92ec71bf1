"""Branches of a trunk: their weights are those of runs of their own, at a fraction of the steps."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import Bench

from disentangle.errors import StudyError
from disentangle.study.run import Run, run_name
from disentangle.study.sections.design import Cooldown
from disentangle.training.log import read_log
from disentangle.training.pretrain import pretrain
from disentangle.training.run_folder import RunFolder
from disentangle.training.schedule import ConstantThenLinear


def cooling(bench: Bench, steps: int, trunk: str | None = None) -> Run:
    """A run of the bench with a cooldown over its last quarter."""
    run = bench.runs[0]
    cooldown = Cooldown(share=0.25, warmup=2 * run.tokens_per_step)
    made = {"tokens": steps * run.tokens_per_step, "cooldown": cooldown}
    h = run.hyperparameters.model_copy(update=made)
    named = replace(run, name=run_name(run.size, h), hyperparameters=h, steps=steps, trunk=trunk)
    return replace(named, checkpoints=(named.cooling_step, steps) if trunk else (0, 4, steps))


def schedule(steps: int, share: float, warmup: int, final: float) -> ConstantThenLinear:
    return ConstantThenLinear(
        grad_clip_warmup_steps=None,
        grad_clip_warmup_factor=None,
        warmup_min_lr=0.0,
        warmup_steps=warmup,
        cooling_step=steps - round(share * steps),
        alpha_f=final,
    )


def test_the_rate_rises_holds_and_falls() -> None:
    rates = [schedule(10, 0.4, 2, 0.25).get_lr(8.0, step, 10) for step in range(1, 11)]
    assert rates == [4, 8, 8, 8, 8, 8, 6.5, 5, 3.5, 2]


@given(
    steps=st.integers(20, 400),
    more=st.integers(1, 400),
    share=st.floats(0.05, 0.9),
    final=st.floats(0, 1),
)
def test_before_the_fall_the_length_does_not_matter(
    steps: int, more: int, share: float, final: float
) -> None:
    short, long = (schedule(n, share, 1, final) for n in (steps, steps + more))
    for step in range(1, short.cooling_step + 1):
        assert short.get_lr(0.1, step, steps) == long.get_lr(0.1, step, steps + more)
    assert short.get_lr(0.1, steps, steps) == pytest.approx(0.1 * final)


def test_a_branch_is_the_run_that_it_stands_for(bench: Bench, tmp_path: Path) -> None:
    trunk = cooling(bench, 16)
    branches = {tmp_path / f"b{n}": cooling(bench, n, trunk.name) for n in (12, 8)}
    pretrain(trunk, **bench.arguments(tmp_path / "trunk"), branches=branches)
    for folder, branch in branches.items():
        made = pretrain(branch, **bench.arguments(folder))
        apart = pretrain(branch, **bench.arguments(tmp_path / f"{folder.name}-alone"))
        assert made.checkpoints == apart.checkpoints
        assert made.identity == apart.identity
        logs = [
            read_log(RunFolder(path).log, branch.name).drop(columns="seconds")
            for path in (folder, tmp_path / f"{folder.name}-alone")
        ]
        assert len(logs[0]) == branch.steps
        assert logs[0].equals(logs[1])
        (start,) = (folder / "starts.jsonl").read_text().splitlines()
        assert json.loads(start)["from_step"] == branch.cooling_step == branch.steps * 3 // 4
        assert not RunFolder(folder).states()


def test_a_state_is_handed_over_once_and_whole(bench: Bench, tmp_path: Path) -> None:
    trunk = cooling(bench, 16)
    folder, branch = tmp_path / "branch", cooling(bench, 8, trunk.name)
    arguments = bench.arguments(tmp_path / "trunk") | {"keep_states": True}
    # the trunk was killed after it had saved the state, before its branch had it
    pretrain(replace(trunk, checkpoints=(0, 4, 6)), **arguments)
    (folder / "trainer" / ".step6-unsharded").mkdir(parents=True)
    (folder / "trainer" / "step6-unsharded").mkdir()
    pretrain(trunk, **arguments, branches={folder: branch})
    state = RunFolder(folder).states()[6]
    assert (state / "train.pt").exists()
    assert read_log(RunFolder(folder).log, branch.name)["step"].max() == 6
    # a branch that has begun keeps what it has
    shutil.rmtree(state)
    RunFolder(tmp_path / "trunk").hand_over(6, RunFolder(folder))
    assert not state.exists()


def test_a_folder_of_another_run_is_not_written_to(bench: Bench, tmp_path: Path) -> None:
    trunk = cooling(bench, 16)
    folder, branch = tmp_path / "branch", cooling(bench, 8, trunk.name)
    RunFolder(folder).claim({"another": "run"})
    with pytest.raises(StudyError, match="belongs to another run"):
        pretrain(trunk, **bench.arguments(tmp_path / "trunk"), branches={folder: branch})
    assert not RunFolder(folder).trainer.exists()
