"""Training that is stopped, by one process or many: it goes on to the same weights."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from torch.nn.parallel import DistributedDataParallel
from trained import Bench

from disentangle.checkpoint.manifest import read_run
from disentangle.training.log import read_log
from disentangle.training.pretrain import pretrain
from disentangle.training.process_group import process_group
from disentangle.training.run_folder import RunFolder

LONG = 400

PROGRAM = """
import json, sys
from pathlib import Path
from disentangle.study import Run
from disentangle.training.pretrain import pretrain
arguments = json.loads(sys.argv[2])
arguments |= {k: Path(arguments[k]) for k in ("folder", "tokens_manifest", "tokenizer")}
arguments["tokens"] = [Path(path) for path in arguments["tokens"]]
manifest = pretrain(Run.from_json(json.loads(sys.argv[1])), say=print, **arguments)
manifest.write(arguments["folder"] / "manifest.json")
"""


def start(run, bench: Bench, folder: Path, **changes: object) -> subprocess.Popen[str]:
    # saved every 0.1 s, so that there is a state to go on from
    arguments = bench.arguments(folder) | {"save_minutes": 0.002} | changes
    del arguments["say"]
    told = json.dumps(arguments, default=str)
    command = [sys.executable, "-c", PROGRAM, json.dumps(run.to_json()), told]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def steps_logged(folder: Path) -> int:
    log = folder / "steps.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def one_rank(launcher: int, rank: int) -> psutil.Process:
    """One of the processes that train for a launcher."""
    return next(
        process
        for process in psutil.Process(launcher).children(recursive=True)
        if process.environ().get("RANK") == str(rank)
    )


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_run_goes_on_to_the_same_weights(
    bench: Bench, tmp_path: Path, stop: signal.Signals
) -> None:
    h = bench.runs[0].hyperparameters.model_copy(update={"tokens": LONG * 256})
    run = bench.run(name="long", hyperparameters=h, steps=LONG, checkpoints=(0, 10, 40, LONG))
    folder = tmp_path / "stopped"
    process = start(run, bench, folder)
    # a quick machine makes as many steps before the first state is saved
    saved = RunFolder(folder).states
    while process.poll() is None and (steps_logged(folder) < 70 or not saved()):
        time.sleep(0.002)
    os.kill(process.pid, stop)
    _, error = process.communicate()
    reached = steps_logged(folder)
    assert process.returncode != 0
    assert 70 <= reached < LONG, "the run was not stopped in its middle"
    first_steps = (folder / "steps.jsonl").read_text().splitlines()
    if stop == signal.SIGTERM:
        assert "stopped before its end, and its state is saved" in error

    second = start(run, bench, folder)
    said, error = second.communicate()
    assert second.returncode == 0, error
    resumed_from = int(said.split("continues from step ")[1].split()[0])
    assert 0 < resumed_from <= reached
    starts = [json.loads(line) for line in (folder / "starts.jsonl").read_text().splitlines()]
    assert [start["from_step"] for start in starts] == [0, resumed_from]
    # with their times, so these steps were not made again
    all_steps = (folder / "steps.jsonl").read_text().splitlines()
    assert all_steps[:resumed_from] == first_steps[:resumed_from]
    uninterrupted = pretrain(run, **bench.arguments(tmp_path / "whole"))
    resumed = read_run(folder / "manifest.json")
    assert resumed.checkpoints == uninterrupted.checkpoints
    columns = ["step", "tokens", "loss", "learning_rate", "gradient_norm"]
    logs = [
        read_log(tmp_path / name / "steps.jsonl", "x")[columns] for name in ("stopped", "whole")
    ]
    pd.testing.assert_frame_equal(*logs, check_exact=True)


def test_nothing_that_sums_gradients_outlives_its_group(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the group's destructor may wait for a thread that waits for it: seen once in ten."""
    left = []

    @contextmanager
    def watched(device: torch.device) -> Iterator[int]:
        with process_group(device) as size:
            yield size
            left.extend(o for o in gc.get_objects() if isinstance(o, DistributedDataParallel))

    monkeypatch.setattr("disentangle.training.train.process_group", watched)
    gc.collect()
    pretrain(bench.runs[0], **bench.arguments(tmp_path / "run"))
    assert left == []


def test_starts_that_get_nowhere_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    counted = []
    for job, step in [("7", 0), ("7", 0), ("7", 30), ("8", 30), ("8", 30), ("8", 30)]:
        monkeypatch.setenv("SLURM_JOB_ID", job)
        folder.note_start(step)
        counted.append(folder.starts_from_here())
    assert counted == [1, 2, 1, 1, 2, 3]


@pytest.mark.parametrize(("told", "processes"), [("launcher", 2), ("rank 1", 4)])
def test_processes_train_the_same_batches_and_resume_to_the_same_weights(
    bench: Bench, tmp_path: Path, told: str, processes: int
) -> None:
    # the order of a sum matters from three on; several take a second to save, once is enough
    many = {"processes": processes, "save_minutes": 10.0}
    steps = 160
    h = bench.runs[0].hyperparameters.model_copy(update={"tokens": steps * 256})
    run = bench.run(name="long", hyperparameters=h, steps=steps, checkpoints=(0, 10, 40, steps))
    folder, whole = tmp_path / "stopped", tmp_path / "whole"
    process = start(run, bench, folder, **many)
    while process.poll() is None and steps_logged(folder) < 50:
        time.sleep(0.002)
    if told == "launcher":
        process.send_signal(signal.SIGTERM)
    else:  # the other one, that writes, stops after the same step
        other = one_rank(process.pid, 1)
        assert other.environ()["OLMO_SHARED_FS"] == "1", "else each machine writes the state"
        other.send_signal(signal.SIGURG)
    _, error = process.communicate()
    assert "stopped before its end" in error
    assert 50 <= steps_logged(folder) < steps, "the run was not stopped in its middle"
    assert not (folder / "stopped.json").exists()
    second = start(run, bench, folder, **many)
    _, error = second.communicate()
    assert second.returncode == 0, error
    assert "continues from step" in error
    uninterrupted = pretrain(run, **bench.arguments(whole) | many)
    assert read_run(folder / "manifest.json").checkpoints == uninterrupted.checkpoints

    pretrain(run, **bench.arguments(tmp_path / "alone"))
    one, shared = (read_log(f / "steps.jsonl", "x")["loss"] for f in (tmp_path / "alone", whole))
    # the same global batches, summed in another order
    assert shared.to_numpy() == pytest.approx(one, abs=1e-3)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs, to train as on a node")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_gpus_train_the_same_batches(
    bench: Bench, trained_run: Path, tmp_path: Path, strategy: str
) -> None:
    folder = tmp_path / strategy
    pretrain(bench.runs[0], **bench.arguments(folder) | {"processes": 2, "strategy": strategy})
    alone, shared = (read_log(f / "steps.jsonl", "x")["loss"] for f in (trained_run, folder))
    assert shared.to_numpy() == pytest.approx(alone, abs=1e-2)
