"""Arms in real training: they begin alike, push as they should, and resume bit for bit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from trained import Bench

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.interventions.projected_spectrum import projected_spectrum
from disentangle.study.run import Run, run_name
from disentangle.study.sections.interventions import (
    Arm,
    Factor,
    Gauge,
    InitialSpectrum,
    Norm,
    Rotate,
    Spectrum,
)
from disentangle.tables.files import read_tables
from disentangle.training.log import read_log, write_training_table
from disentangle.training.pretrain import pretrain

KINDS = {
    "spectrum": Spectrum(kind="spectrum", target=0.4, pull=0.3),
    "initial": InitialSpectrum(kind="initial_spectrum", target=0.4),
    "rotate": Rotate(kind="rotate", size=0.01),
    "norm": Norm(kind="norm", rms=0.1, pull=0.3),
    "gauge": Gauge(kind="gauge", target=0.4, pull=0.3),
    "factor": Factor(kind="factor", share=0.5),
}


def with_arm(bench: Bench, does: Any, checkpoints: tuple[int, ...] = (0, 4, 16)) -> Run:
    """The first run of the bench (16 steps, d 8) under an intervention."""
    run = bench.runs[0]
    h = run.hyperparameters.model_copy(update={"arm": Arm(name="a", does=does)})
    return replace(run, name=run_name(run.size, h), hyperparameters=h, checkpoints=checkpoints)


def head(folder: Path, step: int) -> torch.Tensor:
    return load_file(folder / f"step{step}" / "model.safetensors")["lm_head.weight"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_arm_resumes_bit_for_bit(bench: Bench, tmp_path: Path, kind: str) -> None:
    run = with_arm(bench, KINDS[kind])
    whole = pretrain(run, **bench.arguments(tmp_path / "whole"))
    arguments = bench.arguments(tmp_path / "parts") | {"keep_states": True}
    for checkpoints in ((0, 4), (0, 4, 16)):
        parts = pretrain(replace(run, checkpoints=checkpoints), **arguments)
    assert parts.checkpoints == whole.checkpoints
    starts = (tmp_path / "parts" / "starts.jsonl").read_text().splitlines()
    assert json.loads(starts[1])["from_step"] == 4
    log = read_log(tmp_path / "whole" / "steps.jsonl", run.name)
    pushes = log["push"].to_numpy(np.float64)
    assert (pushes > 0).all() if kind not in ("initial", "factor") else (pushes == 0).all()
    last = projected_spectrum(head(tmp_path / "whole", 16), run.vocabulary)
    assert log["head_rank"].iloc[-1] == pytest.approx(last.effective_rank, rel=1e-4)
    assert log["head_norm"].iloc[-1] == pytest.approx(last.norm, rel=1e-4)
    load_checkpoint(tmp_path / "whole" / "step16", "cpu")  # the probe's loss is the trainer's


def test_arms_begin_as_the_control_and_go_where_they_should(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    runs = {}
    for kind, does in KINDS.items():
        runs[kind] = pretrain(with_arm(bench, does), **bench.arguments(tmp_path / kind))
    control = head(trained_run, 0)
    for kind in ("spectrum", "rotate", "norm", "gauge"):
        assert torch.equal(head(tmp_path / kind, 0), control), kind
        assert not torch.equal(head(tmp_path / kind, 4), head(trained_run, 4)), kind
    rows, d = bench.runs[0].vocabulary, 8

    def standing(kind: str, step: int) -> Any:
        return projected_spectrum(head(tmp_path / kind, step).double(), rows)

    before = projected_spectrum(control.double(), rows)
    assert standing("spectrum", 16).effective_rank == pytest.approx(0.4 * (d - 1), rel=0.05)
    assert standing("initial", 0).effective_rank == pytest.approx(0.4 * (d - 1), rel=1e-3)
    assert standing("initial", 0).norm == pytest.approx(before.norm, rel=1e-5)
    assert standing("norm", 16).rms == pytest.approx(0.1, rel=0.1)
    assert torch.linalg.matrix_rank(head(tmp_path / "factor", 16)) == 4
    nearest = torch.linalg.svdvals(control)[4:].norm()
    assert float((head(tmp_path / "factor", 0) - control).norm()) == pytest.approx(
        float(nearest), rel=1e-4
    )


def test_a_full_inner_dimension_begins_as_the_control(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    full = with_arm(bench, Factor(kind="factor", share=1.0), checkpoints=(0,))
    pretrain(full, **bench.arguments(tmp_path / "full"))
    assert torch.allclose(head(tmp_path / "full", 0), head(trained_run, 0), atol=1e-6)


def test_the_log_of_a_run_without_an_arm_is_as_it_was(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    line = json.loads((trained_run / "steps.jsonl").read_text().splitlines()[0])
    assert set(line) == {"step", "tokens", "loss", "learning_rate", "gradient_norm", "seconds"}
    write_training_table(trained_run, "run", tmp_path / "training.parquet")
    table = read_tables([tmp_path / "training.parquet"])
    assert table[["head_rank", "head_norm", "push"]].isna().all().all()


def test_processes_that_share_a_batch_push_alike(bench: Bench, tmp_path: Path) -> None:
    run = with_arm(bench, KINDS["rotate"])
    pretrain(run, **bench.arguments(tmp_path / "one"))
    pretrain(run, **bench.arguments(tmp_path / "two") | {"processes": 2})
    # sums over processes differ in the last digits
    assert torch.allclose(head(tmp_path / "one", 16), head(tmp_path / "two", 16), atol=1e-4)
    sizes = [read_log(tmp_path / name / "steps.jsonl", "")["push"] for name in ("one", "two")]
    assert np.allclose(sizes[0], sizes[1], atol=1e-6)
