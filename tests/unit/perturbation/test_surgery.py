"""Surgery on a trained checkpoint: what it does to losses, and its recovery beside the sham's."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from learned import loss
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from trained import Bench
from transformers import LlamaConfig, LlamaForCausalLM, OlmoConfig, OlmoForCausalLM

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import WEIGHTS, read_checkpoint
from disentangle.checkpoint.references import Perturbed
from disentangle.corpus.documents import read_texts
from disentangle.errors import StudyError
from disentangle.perturbation.operate_run import operate_run
from disentangle.perturbation.operated_checkpoint import write_operated
from disentangle.perturbation.recover import recover
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.perturbation import operated, recovered, recoveries
from disentangle.study.sections.surgery import SHAM, Operation, Surgery
from disentangle.surgery.of_run import measure_surgery
from disentangle.surgery.operate import head_states, operate
from disentangle.training.log import read_log

SECTION: dict[str, Any] = {
    "operations": {
        "shift": {"kind": "gauge", "target": 0.5},
        "turn": {"kind": "rotate"},
        "half": {"kind": "truncate", "rank": 0.5, "matrices": ["W", "down"]},
        "flat": {"kind": "power", "exponent": 0.5},
    },
    "recovery": {"tokens": 2048, "batch_size": 8, "weight_decay": 0.1, "learning_rate": 0.3}
    | {"final_lr": 0, "seed": 0},
    "sequences": 4,
}
SURGERY = Surgery.model_validate(SECTION)
GAUGE, ROTATION, TRUNCATION, POWER = (SURGERY.operations[name] for name in SECTION["operations"])


def model_with_padding(rows: int, used: int) -> OlmoForCausalLM:
    torch.manual_seed(0)
    config = OlmoConfig(
        vocab_size=rows, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, pad_token_id=0,
    )  # fmt: skip
    model = OlmoForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.normal_()
        model.lm_head.weight[used:].mul_(0.2)
    return model


def tokens(count: int, used: int) -> torch.Tensor:
    return torch.randint(0, used, (count, 12), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def written_by(model: OlmoForCausalLM, count: int) -> torch.Tensor:
    """Text that the model predicts, so that it has a temperature."""
    generator = torch.Generator().manual_seed(1)
    read = torch.zeros(count, 1, dtype=torch.long)
    for _ in range(11):
        odds = torch.softmax(model(read).logits[:, -1], dim=-1)
        read = torch.cat([read, torch.multinomial(odds, 1, generator=generator)], dim=1)
    return read


# A model in memory


def test_a_gauge_shift_of_a_model_with_padding_changes_no_prediction() -> None:
    model, read = model_with_padding(64, 50), tokens(8, 50)
    before, W = torch.log_softmax(model(read).logits.double(), dim=-1), model.lm_head.weight.clone()
    assert operate(model, 50, GAUGE, None) is None
    after = torch.log_softmax(model(read).logits.double(), dim=-1)
    assert (model.lm_head.weight - W).norm() > 0.5 * W.norm()
    assert (after - before).abs().max() < 1e-4  # float32


def test_layers_are_turned_differently_and_the_rest_is_left() -> None:
    model = model_with_padding(64, 50)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    turn = Operation(kind="rotate", matrices=["o", "up"], seed=3)
    operate(model, 50, turn, None)
    moved = {n for n, w in model.named_parameters() if not torch.equal(w, before[n])}
    assert moved == {
        f"model.layers.{layer}.{name}.weight"
        for layer in (0, 1)
        for name in ("self_attn.o_proj", "mlp.up_proj")
    }
    turns = []
    for layer in (0, 1):
        name = f"model.layers.{layer}.mlp.up_proj.weight"
        turns.append(
            torch.linalg.lstsq(before[name], dict(model.named_parameters())[name]).solution
        )
        assert torch.allclose(turns[-1] @ turns[-1].T, torch.eye(16), atol=1e-4)
    assert not torch.allclose(*turns, atol=0.1)


def test_truncation_goes_to_the_share_of_each_matrix() -> None:
    model = model_with_padding(64, 50)
    operate(model, 50, TRUNCATION, None)
    ranks = [torch.linalg.matrix_rank(layer.mlp.down_proj.weight) for layer in model.model.layers]
    assert ranks == [8, 8]  # 16 x 32
    assert torch.linalg.matrix_rank(model.lm_head.weight[:50]) == 8


def test_a_power_is_followed_by_the_best_temperature() -> None:
    model = model_with_padding(64, 50)
    read, W = written_by(model, 64), model.lm_head.weight.detach().clone()
    scale = operate(model, 50, Operation(kind="power", exponent=3), read)
    assert scale is not None
    after = model.lm_head.weight.detach().double()
    norm = float(after[:50].norm() / W[:50].norm())
    assert norm == pytest.approx(scale, rel=1e-5), "it is kept but for the temperature"
    states, labels = head_states(model, read).double(), read[:, 1:].flatten()
    best = float(cross_entropy(states @ after.T, labels))
    for other in (0.99, 1.01):
        assert float(cross_entropy(other * states @ after.T, labels)) > best
    assert 0.1 < scale < 3 and abs(scale - 1) > 0.05, "the power needs one"


def test_a_power_of_other_matrices_has_no_temperature() -> None:
    model = model_with_padding(64, 50)
    W = model.lm_head.weight.clone()
    operation = Operation(kind="power", exponent=2, matrices=["v"])
    assert not operation.fits_temperature
    assert operate(model, 50, operation, None) is None
    assert torch.equal(model.lm_head.weight, W)


def test_a_tied_head_is_refused() -> None:
    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    with pytest.raises(StudyError, match="W is the embedding too"):
        operate(LlamaForCausalLM(config), 40, ROTATION, None)


# A checkpoint of a run

Made = tuple[dict[str, Perturbed], Path]


@pytest.fixture(scope="module")
def texts(bench: Bench) -> list[str]:
    return read_texts(bench.heldout["id"])[8:]


@pytest.fixture(scope="module")
def operate_on(bench: Bench, texts: list[str]) -> Callable[..., dict[str, Perturbed]]:
    def made(run_folder: Path, perturbed: Path, code: str = "c") -> dict[str, Perturbed]:
        outcomes = operate_run(
            bench.runs[0],
            SURGERY.operations,
            sequences=SURGERY.sequences,
            manifest=run_folder / "manifest.json",
            perturbed=perturbed,
            texts=texts,
            code_version=code,
            say=lambda line: None,
        )
        return {outcome.variant: outcome for outcome in outcomes}

    return made


@pytest.fixture(scope="module")
def made(
    bench: Bench,
    trained_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
    operate_on: Callable[..., dict[str, Perturbed]],
) -> Made:
    """Every operation and every recovery of the trained run."""
    perturbed = tmp_path_factory.mktemp("perturbed")
    outcomes = operate_on(trained_run, perturbed)
    for name, stage in recoveries(SURGERY):
        outcomes |= {
            recovered(name, stage): recover_one(
                bench, trained_run, perturbed, outcomes, name, stage
            )
        }
    return outcomes, perturbed


def recover_one(
    bench: Bench, run_folder: Path, perturbed: Path, outcomes: dict[str, Perturbed], name: str,
    stage: Any,
) -> Perturbed:  # fmt: skip
    how = bench.arguments(Path())
    del how["folder"], how["keep_states"]
    return recover(
        bench.runs[0], name, stage, SURGERY, made=outcomes,
        manifest=run_folder / "manifest.json", perturbed=perturbed, **how,
    )  # fmt: skip


def folder_of(bench: Bench, perturbed: Path, variant: str, step: int) -> Path:
    return perturbed / bench.runs[0].name / variant / f"step{step}"


def test_an_operated_checkpoint_says_how_it_was_made(
    bench: Bench, trained_run: Path, made: Made
) -> None:
    base = read_checkpoint(trained_run / "step16")
    for name, operation in SURGERY.operations.items():
        folder = folder_of(bench, made[1], operated(name), 16)
        manifest = load_checkpoint(folder, "cpu").manifest  # the guard takes it
        assert manifest.source == f"surgery {name} of {base.run} step 16"
        settings = manifest.settings
        assert settings["base_weights_sha256"] == base.weights_sha256
        assert settings["operation"] == operation.model_dump(exclude_none=True)
        assert (settings["calibration"] is None) == (name != "flat")
        assert made[0][operated(name)].weights_sha256 == manifest.weights_sha256
    assert settings["found"]["scale_of_logits"] > 0


def test_the_gauge_alone_loses_nothing_and_the_rotation_most(
    bench: Bench, trained_run: Path, made: Made, sequences: torch.Tensor
) -> None:
    base = loss(load_checkpoint(trained_run / "step16", "cpu").model, sequences)
    after = {
        name: loss(
            load_checkpoint(folder_of(bench, made[1], operated(name), 16), "cpu").model, sequences
        )
        for name in SURGERY.operations
    }
    assert after["shift"] == pytest.approx(base, abs=1e-5)
    assert after["turn"] - base > 10 * abs(after["half"] - base)
    assert after["turn"] - base > 0.3


def test_what_was_made_is_not_made_again(
    trained_run: Path, made: Made, operate_on: Callable[..., Any]
) -> None:
    place = next(made[1].glob("*/surgery-flat/step16"))
    before = (place / WEIGHTS).stat().st_mtime_ns
    assert operate_on(trained_run, made[1]).items() <= made[0].items()
    assert (place / WEIGHTS).stat().st_mtime_ns == before
    assert operate_on(trained_run, made[1], code="d")["surgery-flat"] == made[0]["surgery-flat"]
    assert (place / WEIGHTS).stat().st_mtime_ns > before, "by other code, to the same weights"
    operate_on(trained_run, made[1])


def test_a_recovery_starts_at_the_operated_weights(
    bench: Bench, trained_run: Path, made: Made
) -> None:
    for name, stage in recoveries(SURGERY):
        start = trained_run / "step16"
        if name != SHAM:
            start = folder_of(bench, made[1], operated(name), 16)
        end = folder_of(bench, made[1], recovered(name, stage), 8)
        identity = json.loads((end.parent / "identity.json").read_text())
        assert identity["initial_sha256"] == read_checkpoint(start).weights_sha256
        before, after = load_file(start / WEIGHTS), load_file(end / WEIGHTS)
        moved = {key for key in before if not torch.equal(before[key], after[key])}
        assert moved == ({"lm_head.weight"} if stage == "head" else before.keys())


def test_all_read_the_same_text_in_the_same_order(bench: Bench, made: Made) -> None:
    logs = {
        (name, stage): read_log(
            folder_of(bench, made[1], recovered(name, stage), 8).parent / "steps.jsonl", "x"
        )
        for name, stage in recoveries(SURGERY)
    }
    rates = [log["learning_rate"].tolist() for log in logs.values()]
    assert all(rate == rates[0] for rate in rates)
    for stage in ("head", "all"):
        # in the gauge every loss of the sham's, batch by batch; W alone: in exact arithmetic
        sham, shift = (logs[name, stage]["loss"].to_numpy() for name in (SHAM, "shift"))
        assert shift == pytest.approx(sham, abs=2e-3)
        assert logs[SHAM, stage]["loss"].std() > 0.01, "batches differ by more than that"


def test_recovery_brings_back_some_of_what_rotation_lost(
    bench: Bench, made: Made, sequences: torch.Tensor
) -> None:
    def of(variant: str, step: int) -> float:
        model = load_checkpoint(folder_of(bench, made[1], variant, step), "cpu").model
        return loss(model, sequences)

    lost, head, everything = (
        of("surgery-turn", 16),
        of("surgery-turn-head", 8),
        of("surgery-turn-all", 8),
    )
    sham = of("surgery-sham-all", 8)
    assert lost > head > everything > sham


def test_w_is_measured_at_every_stage(bench: Bench, trained_run: Path, made: Made) -> None:
    rows = measure_surgery(
        bench.runs[0], SURGERY, manifest=trained_run / "manifest.json", perturbed=made[1],
        outcomes=made[0], say=lambda line: None,
    )  # fmt: skip
    by = {(row["operation"], row["stage"]): row for row in rows}
    assert len(rows) == len(by) == (1 + 4) * 3
    sham = by[SHAM, "operated"]
    rank = {name: by[name, "operated"]["effective_rank_pct"] for name in SURGERY.operations}
    assert rank["shift"] == pytest.approx(50, abs=1e-3)
    fixed = by["shift", "operated"]["projected_effective_rank_pct"]
    assert fixed == pytest.approx(sham["projected_effective_rank_pct"], rel=1e-5)
    assert rank["turn"] == pytest.approx(sham["effective_rank_pct"], rel=1e-5)
    assert rank["half"] < 50 < sham["effective_rank_pct"] < rank["flat"]
    flat = by["flat", "operated"]
    assert flat["norm"] * flat["temperature"] == pytest.approx(sham["norm"], rel=1e-5)
    assert math.isnan(sham["temperature"]) and by["flat", "all"]["temperature"] > 0
    half = by["half", "operated"]
    assert half["matrices"] == "W down"
    assert half["matrices_rank_pct"] < 50 < half["base_matrices_rank_pct"]
    assert {row["steps"] for row in rows} == {0, 8}
    assert {row["note"] for row in rows} == {""}


def test_a_target_that_no_shift_reaches_is_said(
    bench: Bench, trained_run: Path, texts: list[str], tmp_path: Path
) -> None:
    operations = {"up": Operation(kind="gauge", target=1)}
    surgery = Surgery(operations=operations, recovery=SURGERY.recovery)
    (outcome,) = operate_run(
        bench.runs[0], operations, sequences=4, manifest=trained_run / "manifest.json",
        perturbed=tmp_path, texts=texts, code_version="c", say=lambda line: None,
    )  # fmt: skip
    assert outcome.step is None and "no shift gives it 100.00 %" in outcome.reason
    outcomes = {outcome.variant: outcome}
    for stage in ("head", "all"):
        after = recover_one(bench, trained_run, tmp_path, outcomes, "up", stage)
        assert (after.step, after.reason) == (None, outcome.reason)
        sham = Perturbed(bench.runs[0].name, recovered(SHAM, stage), 16, None, None, "stopped")
        outcomes |= {after.variant: after, sham.variant: sham}
    rows = measure_surgery(
        bench.runs[0], surgery, manifest=trained_run / "manifest.json", perturbed=tmp_path,
        outcomes=outcomes, say=lambda line: None,
    )  # fmt: skip
    notes = {(row["operation"], row["stage"]): row["note"] for row in rows}
    assert notes[SHAM, "operated"] == "" and notes[SHAM, "all"] == "stopped"
    assert notes["up", "operated"] == notes["up", "head"] == outcome.reason


def test_a_diverged_run_is_not_operated_on(
    bench: Bench, own_run: Path, tmp_path: Path, operate_on: Callable[..., Any]
) -> None:
    manifest = read_sealed(own_run / "manifest.json")
    del manifest["checkpoints"]["16"]
    write_sealed(own_run / "manifest.json", manifest)
    outcomes = operate_on(own_run, tmp_path / "perturbed")
    for name, stage in recoveries(SURGERY):
        outcomes[recovered(name, stage)] = recover_one(
            bench, own_run, tmp_path / "perturbed", outcomes, name, stage
        )
    assert {outcome.reason for outcome in outcomes.values()} == {"the run diverged"}
    assert not (tmp_path / "perturbed").exists()
    rows = measure_surgery(
        bench.runs[0], SURGERY, manifest=own_run / "manifest.json", perturbed=tmp_path,
        outcomes=outcomes, say=lambda line: None,
    )  # fmt: skip
    assert {row["note"] for row in rows} == {"the run diverged"}


def test_nothing_is_written_over_the_base(trained_run: Path) -> None:
    base = trained_run / "step16"
    with pytest.raises(AssertionError, match="not changed in its own place"):
        write_operated(base, base, ROTATION, None, name="turn", code_version="c", device="cpu")
