"""Training of the head alone: nothing else moves, and it resumes bit for bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from trained import Bench

from disentangle.checkpoint.manifest import WEIGHTS
from disentangle.errors import StudyError
from disentangle.storage import read_json
from disentangle.study.run import Run
from disentangle.training.pretrain import pretrain

HEAD = "lm_head.weight"


def head_alone(bench: Bench, *checkpoints: int) -> Run:
    return replace(bench.runs[0], name="head", trains="head", checkpoints=checkpoints)


def trained(bench: Bench, run: Run, folder: Path, initial: Path, **how: object) -> Path:
    pretrain(run, initial=initial, **bench.arguments(folder) | how)
    return folder


def test_the_head_alone_moves(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    initial = trained_run / "step16"
    folder = trained(bench, head_alone(bench, 0, 16), tmp_path / "head", initial)
    before, start, end = (
        load_file(path / WEIGHTS) for path in (initial, folder / "step0", folder / "step16")
    )
    assert all(torch.equal(before[name], start[name]) for name in before)
    moved = {name for name in before if not torch.equal(before[name], end[name])}
    assert moved == {HEAD}, "not even decay moves the others"
    everything = replace(head_alone(bench, 16), name="all", trains="all")
    other = load_file(trained(bench, everything, tmp_path / "all", initial) / "step16" / WEIGHTS)
    assert all(not torch.equal(before[name], other[name]) for name in before)
    assert not torch.equal(end[HEAD], other[HEAD])


def test_it_resumes_bit_for_bit(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    initial = trained_run / "step16"
    whole = trained(bench, head_alone(bench, 16), tmp_path / "whole", initial)
    folder = tmp_path / "parts"
    # the learning rate is that of all 16 steps in both
    trained(bench, head_alone(bench, 7), folder, initial, keep_states=True)
    states = [path.name for path in (folder / "trainer").glob("step*-unsharded")]
    assert states == ["step7-unsharded"]
    trained(bench, head_alone(bench, 7, 16), folder, initial, keep_states=True)
    ends = [load_file(path / "step16" / WEIGHTS) for path in (whole, folder)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_it_is_part_of_the_identity(bench: Bench, trained_run: Path, tmp_path: Path) -> None:
    initial, run = trained_run / "step16", head_alone(bench, 16)
    assert Run.from_json(run.to_json()) == run
    folder = trained(bench, run, tmp_path / "head", initial)
    assert read_json(folder / "identity.json")["trains"] == "head"
    with pytest.raises(StudyError, match=r"trains \(head is now None\)"):
        trained(bench, replace(run, trains="all"), folder, initial)
    # and none of a run that trains all, as before there was the choice
    assert "trains" not in bench.runs[0].identity() | bench.runs[0].to_json()


def test_a_tied_head_is_refused(bench: Bench, tmp_path: Path) -> None:
    run = head_alone(bench, 16)
    tied = replace(run, model=run.model.model_copy(update={"tied": True}))
    with pytest.raises(StudyError, match="it is the embedding too"):
        pretrain(tied, **bench.arguments(tmp_path / "tied"))
