"""Training by OLMo's trainer: what is planned is there, once, however often it is killed."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from olmo.data import build_train_dataloader
from torch.nn.parallel import DistributedDataParallel
from trained import Bench

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import read_checkpoint, read_run
from disentangle.errors import StudyError
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.sections.model import Optimizer
from disentangle.tables.files import read_tables
from disentangle.training.log import read_log, write_training_table
from disentangle.training.olmo_config import train_config
from disentangle.training.pretrain import pretrain
from disentangle.training.process_group import process_group
from disentangle.training.run_folder import RunFolder
from disentangle.training.train import _batches

LONG = 400
"""Steps of the run that is killed: enough to be hit in the middle."""


def test_a_run_has_its_planned_checkpoints_and_a_full_log(bench: Bench, trained_run: Path) -> None:
    run = bench.runs[0]
    manifest = read_run(trained_run / "manifest.json")
    assert manifest.status == "complete"
    assert tuple(sorted(manifest.checkpoints)) == run.checkpoints == (0, 4, 16)
    assert len(set(manifest.checkpoints.values())) == 3
    last = read_checkpoint(trained_run / "step16")
    assert last.tokens == 16 * run.tokens_per_step
    assert (last.rows, last.dim, last.tied, last.source) == (400, 8, False, "pretrain")
    log = read_log(trained_run / "steps.jsonl", run.name)
    assert log["step"].tolist() == list(range(1, 17))
    assert last.train_loss == log["loss"].iloc[-1]
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    assert not list((trained_run / "trainer").glob("step*"))  # states are not kept by default


def test_the_schedule_is_the_planned_one(bench: Bench, trained_run: Path) -> None:
    run = bench.runs[0]
    rates = read_log(trained_run / "steps.jsonl", run.name)["learning_rate"]
    peak = run.optimizer.learning_rate * run.hyperparameters.learning_rate
    assert rates.max() == pytest.approx(peak, rel=0.05)
    assert rates.iloc[-1] == pytest.approx(peak * run.hyperparameters.final_lr, rel=1e-6)


def test_weight_decay_reaches_head_and_embedding(bench: Bench, tmp_path: Path) -> None:
    from olmo.model import OLMo
    from olmo.optim import get_param_groups

    run = bench.runs[0]
    for decay_embeddings in (True, False):
        optimizer = Optimizer.model_validate(
            run.optimizer.model_dump() | {"decay_embeddings": decay_embeddings}
        )
        config = train_config(
            replace(run, optimizer=optimizer),
            [bench.tokens],
            tmp_path,
            end_of_text=0,
            device="cpu",
            world_size=1,
            micro_batch=4,
            strategy="ddp",
        )
        groups = get_param_groups(config, OLMo(config.model))
        decayed = {
            name
            for group in groups
            if group.get("weight_decay", config.optimizer.weight_decay) > 0
            for name in group["param_names"]
        }
        assert "transformer.ff_out.weight" in decayed
        assert ("transformer.wte.weight" in decayed) == decay_embeddings


def test_asking_again_does_nothing(bench: Bench, own_run: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in own_run.rglob("*") if p.is_file()}
    manifest = pretrain(bench.runs[0], **bench.arguments(own_run))
    assert manifest.checkpoints == read_run(own_run / "manifest.json").checkpoints
    after = {p: p.stat().st_mtime_ns for p in own_run.rglob("*") if p.is_file()}
    assert {p for p in after if after[p] != before.get(p)} <= {own_run / ".lock"}


def test_where_nothing_is_missing_nothing_is_said_to_have_changed(
    bench: Bench, own_run: Path
) -> None:
    manifest = read_sealed(own_run / "manifest.json")
    manifest["environment"]["device"] = "cuda"  # trained elsewhere
    write_sealed(own_run / "manifest.json", manifest)
    assert pretrain(bench.runs[0], **bench.arguments(own_run)).environment["device"] == "cuda"
    program = (
        "import sys, disentangle.training.pretrain, disentangle.training.log; "
        "print([m for m in ('torch', 'olmo', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_tied_run_has_one_matrix_for_both(bench: Bench, tmp_path: Path) -> None:
    run = bench.runs[0]
    tied = replace(run, name="tied", model=run.model.model_copy(update={"tied": True}))
    pretrain(tied, **bench.arguments(tmp_path / "tied"))
    checkpoint = load_checkpoint(tmp_path / "tied" / "step16", "cpu")
    assert checkpoint.manifest.tied
    embedding = checkpoint.model.get_input_embeddings().weight
    assert checkpoint.unembedding.data_ptr() == embedding.data_ptr()
    further = tmp_path / "further"
    again = replace(tied, name="further", checkpoints=(0,))
    pretrain(again, initial=tmp_path / "tied" / "step16", **bench.arguments(further))
    start = load_checkpoint(further / "step0", "cpu")
    assert torch.equal(start.unembedding, checkpoint.unembedding)


def test_a_step_added_later_is_what_a_full_run_would_have_saved(
    bench: Bench, own_run: Path, tmp_path: Path
) -> None:
    more = bench.run(checkpoints=(0, 4, 9, 16))
    extended = pretrain(more, **bench.arguments(own_run))
    full = pretrain(more, **bench.arguments(tmp_path / "full"))
    assert extended.checkpoints == full.checkpoints


def test_kept_states_spare_the_way_there(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = bench.arguments(folder) | {"keep_states": True}
    pretrain(bench.runs[0], **arguments)
    said: list[str] = []
    extended = pretrain(bench.run(checkpoints=(0, 4, 9, 16)), **arguments | {"say": said.append})
    assert said[0] == "goes on from step 4"
    full = pretrain(bench.run(checkpoints=(0, 4, 9, 16)), **bench.arguments(tmp_path / "full"))
    assert extended.checkpoints == full.checkpoints


def test_a_run_goes_on_in_whatever_epoch_it_was(bench: Bench, tmp_path: Path) -> None:
    """The text is shuffled anew in every epoch; five steps make one here."""
    text, folder = tmp_path / "short.bin", tmp_path / "run"
    text.write_bytes(bench.tokens.read_bytes()[: 2 * 256 * 5])
    run = bench.run(checkpoints=(4, 5, 12, 16))
    arguments = bench.arguments(folder) | {"tokens": [text], "keep_states": True}
    whole = pretrain(run, **arguments)
    for number, step in enumerate(run.checkpoints[:-1], start=1):
        shutil.copytree(folder, shorter := tmp_path / f"from {step}", symlinks=True)
        RunFolder(shorter).drop_states(keep=set(range(step + 1)))
        for later in run.checkpoints[number:]:
            shutil.rmtree(shorter / f"step{later}")
        resumed = pretrain(run, **arguments | {"folder": shorter})
        assert resumed.checkpoints == whole.checkpoints, f"from step {step}"


def test_batches_come_in_the_order_of_the_stock_loader_and_of_no_file(
    bench: Bench, tmp_path: Path
) -> None:
    config = train_config(
        bench.runs[0],
        (bench.tokens,),
        tmp_path,
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=64,
        strategy="ddp",
    )
    ours = _batches(config)
    assert not list(tmp_path.iterdir())
    stock = build_train_dataloader(config)
    for epoch in (0, 3):
        ours.dataset.reshuffle(epoch)
        stock.dataset.reshuffle(epoch)
        for mine, theirs in zip(ours, stock, strict=True):
            assert mine.keys() == theirs.keys()
            assert all(torch.equal(mine[key], theirs[key]) for key in ("input_ids", "index"))


def test_an_export_that_is_missing_is_made_from_its_state(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = bench.arguments(folder) | {"keep_states": True}
    before = pretrain(bench.runs[0], **arguments)
    state = folder / "trainer" / "step4-unsharded" / "model.pt"
    written = state.stat().st_mtime_ns
    shutil.rmtree(folder / "step4")
    assert pretrain(bench.runs[0], **arguments).checkpoints == before.checkpoints
    assert state.stat().st_mtime_ns == written  # restored from, not saved again


def test_saved_state_needs_no_pickle(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    pretrain(bench.runs[0], **bench.arguments(folder) | {"keep_states": True})
    for path in folder.glob("trainer/step*/*.pt"):
        torch.load(path, weights_only=True)


def test_a_folder_of_another_run_is_refused_and_not_touched(bench: Bench, own_run: Path) -> None:
    other = bench.run(
        hyperparameters=bench.runs[0].hyperparameters.model_copy(update={"weight_decay": 0.7}),
        checkpoints=(0, 4, 5, 16),
    )
    with pytest.raises(StudyError, match=r"hyperparameters\.weight_decay \(0\.1 is now 0\.7\)"):
        pretrain(other, **bench.arguments(own_run))
    assert not (own_run / "step5").exists()


def test_damaged_weights_are_named(bench: Bench, own_run: Path) -> None:
    weights = own_run / "step4" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(data)
    with pytest.raises(StudyError, match=r"step4.*SHA-256 differs"):
        pretrain(bench.runs[0], **bench.arguments(own_run))


def test_weights_that_were_let_go_are_not_trained_again(bench: Bench, own_run: Path) -> None:
    before = read_run(own_run / "manifest.json")
    for weights in own_run.glob("step*/model.safetensors"):
        weights.unlink()
    manifest = pretrain(bench.runs[0], **bench.arguments(own_run))
    assert manifest == before
    assert not list(own_run.glob("step*/model.safetensors"))
    with pytest.raises(StudyError, match=r"is not here[^$]*delete"):
        load_checkpoint(own_run / "step16", "cpu")


def test_steps_that_a_log_has_lost_stay_in_the_training_table(own_run: Path) -> None:
    path, log = own_run / "training.parquet", own_run / "steps.jsonl"
    write_training_table(own_run, own_run.name, path)
    whole = read_tables([path])
    lines = log.read_text().splitlines(keepends=True)
    for kept in (lines[:3], lines[5:], []):
        log.write_text("".join(kept))
        write_training_table(own_run, own_run.name, path)
        pd.testing.assert_frame_equal(read_tables([path]), whole)
    log.write_text(lines[0])
    path.write_bytes(path.read_bytes()[:50])  # what cannot be read keeps nothing
    write_training_table(own_run, own_run.name, path)
    assert read_tables([path])["step"].tolist() == [1]


def test_a_damaged_line_of_a_log_is_named(own_run: Path) -> None:
    log = own_run / "steps.jsonl"
    log.write_text(log.read_text().replace('"loss"', '"lo\x00s"', 2))
    with pytest.raises(StudyError, match=r"steps.jsonl is damaged: line 1 is no step"):
        read_log(log, own_run.name)


def test_divergence_is_an_outcome(bench: Bench, tmp_path: Path) -> None:
    run = bench.run(
        name="wild",
        optimizer=bench.runs[0].optimizer.model_copy(update={"learning_rate": 1e30}),
    )
    manifest = pretrain(run, **bench.arguments(tmp_path / "wild"))
    assert manifest.status == "diverged"
    assert 0 < manifest.last_finite_step < 16
    assert 0 in manifest.checkpoints and 16 not in manifest.checkpoints
    again = pretrain(run, **bench.arguments(tmp_path / "wild"))
    assert again == manifest


PROGRAM = """
import json, sys
from pathlib import Path
from disentangle.study import Run
from disentangle.training.pretrain import pretrain
from disentangle.training.olmo_config import train_config
from disentangle.training.process_group import process_group
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
        assert "told to stop before its end, and its state is saved" in error

    second = start(run, bench, folder)
    said, error = second.communicate()
    assert second.returncode == 0, error
    resumed_from = int(said.split("goes on from step ")[1].split()[0])
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


def one_rank(launcher: int, rank: int) -> psutil.Process:
    """One of the processes that train for a launcher."""
    return next(
        process
        for process in psutil.Process(launcher).children(recursive=True)
        if process.environ().get("RANK") == str(rank)
    )


@pytest.mark.parametrize(("told", "processes"), [("launcher", 2), ("rank 1", 4)])
def test_processes_train_the_same_batches_and_resume_to_the_same_weights(
    bench: Bench, tmp_path: Path, told: str, processes: int
) -> None:
    # the order of a sum matters from three on; several take a second to save, once is enough
    many = {"processes": processes, "save_minutes": 10.0}
    steps = 300
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
    assert "told to stop before its end" in error
    assert 50 <= steps_logged(folder) < steps, "the run was not stopped in its middle"
    assert not (folder / "stopped.json").exists()
    second = start(run, bench, folder, **many)
    _, error = second.communicate()
    assert second.returncode == 0, error
    assert "goes on from step" in error
    uninterrupted = pretrain(run, **bench.arguments(whole) | many)
    assert read_run(folder / "manifest.json").checkpoints == uninterrupted.checkpoints

    pretrain(run, **bench.arguments(tmp_path / "alone"))
    one, shared = (read_log(f / "steps.jsonl", "x")["loss"] for f in (tmp_path / "alone", whole))
    # the same global batches, summed in another order
    assert shared.to_numpy() == pytest.approx(one, abs=1e-3)


def test_a_batch_that_cannot_be_shared_is_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="does not divide by 3 processes"):
        pretrain(bench.runs[0], **bench.arguments(tmp_path / "run") | {"processes": 3})


def test_sharding_without_a_gpu_is_refused(bench: Bench, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU to shard over")
    with pytest.raises(StudyError, match="fsdp needs GPUs"):
        pretrain(bench.runs[0], **bench.arguments(tmp_path / "run") | {"strategy": "fsdp"})


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs, to train as on a node")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_gpus_train_the_same_batches(
    bench: Bench, trained_run: Path, tmp_path: Path, strategy: str
) -> None:
    folder = tmp_path / strategy
    pretrain(bench.runs[0], **bench.arguments(folder) | {"processes": 2, "strategy": strategy})
    alone, shared = (read_log(f / "steps.jsonl", "x")["loss"] for f in (trained_run, folder))
    assert shared.to_numpy() == pytest.approx(alone, abs=1e-2)
