"""Training by OLMo's trainer: what is planned is there, once, however often it is killed."""

import gc
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from olmo.data import build_train_dataloader
from trained import Bench

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import read_checkpoint, read_run
from disentangle.errors import StudyError
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.run import Run
from disentangle.study.sections.model import Optimizer
from disentangle.tables.files import read_tables
from disentangle.training.batches import loader
from disentangle.training.log import read_log, write_training_table
from disentangle.training.olmo_config import train_config
from disentangle.training.pretrain import pretrain
from disentangle.training.process_group import process_group
from disentangle.training.run_folder import RunFolder
from disentangle.training.train import build_trainer

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
    assert said[0] == "continues from step 4"
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


@pytest.mark.parametrize("files", [1, 3])
def test_batches_come_in_the_order_of_the_stock_loader_and_of_no_file(
    bench: Bench, tmp_path: Path, files: int
) -> None:
    config = train_config(
        bench.runs[0],
        (bench.tokens,) * files,
        tmp_path,
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=64,
        strategy="ddp",
    )
    ours = loader(None, config)
    assert not list(tmp_path.iterdir())
    stock = build_train_dataloader(config)
    for epoch, start in ((0, 0), (3, 0), (3, 2 * config.global_train_batch_size)):
        for each in (ours, stock):
            each.dataset.reshuffle(epoch)
            each.dataset.start_index = start
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
    with pytest.raises(StudyError, match=r"is missing[^$]*delete"):
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
    with pytest.raises(StudyError, match=r"steps.jsonl is damaged: line 1 is not a training step"):
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


def test_a_batch_that_cannot_be_shared_is_refused(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be divided among 3 processes"):
        pretrain(bench.runs[0], **bench.arguments(tmp_path / "run") | {"processes": 3})


def test_sharding_without_a_gpu_is_refused(bench: Bench, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU to shard over")
    with pytest.raises(StudyError, match="fsdp needs GPUs"):
        pretrain(bench.runs[0], **bench.arguments(tmp_path / "run") | {"strategy": "fsdp"})


def with_choices(bench: Bench, **made: float) -> Run:
    """The first run of the bench, with optional choices made."""
    run = bench.runs[0]
    hyperparameters = run.hyperparameters.model_copy(update=made)
    return replace(run, hyperparameters=hyperparameters, checkpoints=(0, 1, 16))


def test_initialisation_and_order_of_data_have_seeds_of_their_own(
    bench: Bench, tmp_path: Path
) -> None:
    made = {
        "both": with_choices(bench),
        "init": with_choices(bench, init_seed=7),
        "data": with_choices(bench, data_seed=7),
        "said": with_choices(bench, init_seed=0, data_seed=0),
    }
    found = {}
    for name, run in made.items():
        pretrain(run, **bench.arguments(tmp_path / name))
        read = [read_checkpoint(tmp_path / name / f"step{step}") for step in (0, 1)]
        found[name] = [checkpoint.weights_sha256 for checkpoint in read]
    assert found["said"] == found["both"]
    assert found["init"][0] != found["both"][0] == found["data"][0]
    assert found["data"][1] != found["both"][1]


def test_the_order_of_data_is_that_of_its_seed(bench: Bench, tmp_path: Path) -> None:
    def first_batch(**made: float) -> list[int]:
        config = train_config(
            with_choices(bench, **made), [bench.tokens], tmp_path, end_of_text=0, device="cpu",
            world_size=1, micro_batch=4, strategy="ddp",
        )  # fmt: skip
        return next(iter(loader(None, config)))["index"].tolist()

    with process_group(torch.device("cpu")):
        assert first_batch(init_seed=7) == first_batch()
        assert first_batch(data_seed=7) == first_batch(seed=7) != first_batch()


def test_the_head_has_its_own_decay_and_squares_their_own_memory(
    bench: Bench, tmp_path: Path
) -> None:
    run = with_choices(bench, head_decay=30.0, beta2=0.5)
    config = train_config(
        run, [bench.tokens], tmp_path / "a", end_of_text=0, device="cpu", world_size=1,
        micro_batch=4, strategy="ddp",
    )  # fmt: skip
    with process_group(torch.device("cpu")):
        trainer = build_trainer(config, torch.device("cpu"), run=run)
        assert trainer.decays is not None
        trainer.decays.apply(trainer.optim, 1)
        decays = {
            name: (group["weight_decay"], group["betas"])
            for group in trainer.optim.param_groups
            for name in group["param_names"]
        }
        assert len(decays) == len(list(trainer.model.parameters()))
        usual = run.hyperparameters.weight_decay
        for name, (decay, betas) in decays.items():
            head = name.endswith("ff_out.weight") and "blocks" not in name
            assert decay == pytest.approx(30 * usual if head else usual), name
            assert betas == (0.9, 0.5)
        trainer.close()
        del trainer
        gc.collect()
    norms = {}
    for name, one in (("usual", bench.runs[0]), ("head", with_choices(bench, head_decay=30.0))):
        pretrain(one, **bench.arguments(tmp_path / name))
        weights = load_checkpoint(tmp_path / name / "step16", torch.device("cpu")).model
        norms[name] = weights.lm_head.weight.norm().item()
    assert norms["head"] < 0.99 * norms["usual"]


def test_a_run_with_its_own_head_decay_resumes_bit_for_bit(bench: Bench, tmp_path: Path) -> None:
    run = replace(with_choices(bench, head_decay=30.0), checkpoints=(0, 4, 16))
    whole = pretrain(run, **bench.arguments(tmp_path / "whole"))
    arguments = bench.arguments(tmp_path / "parts") | {"keep_states": True}
    pretrain(replace(run, checkpoints=(0, 4)), **arguments)
    parts = pretrain(run, **arguments)
    assert parts.checkpoints[16] == whole.checkpoints[16]
    starts = (tmp_path / "parts" / "starts.jsonl").read_text().splitlines()
    assert len(starts) == 2 and '"from_step": 4' in starts[1]
