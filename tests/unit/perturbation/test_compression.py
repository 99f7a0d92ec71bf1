"""Truncation and pruning of a model, and of a run's last checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from learned import loss
from safetensors.torch import load_file
from trained import Bench
from transformers import OlmoConfig, OlmoForCausalLM

from disentangle.checkpoint.changed import FOUND
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import WEIGHTS, RunManifest, read_checkpoint
from disentangle.errors import StudyError
from disentangle.perturbation.compress_run import compress_run
from disentangle.perturbation.compressed_checkpoint import write_compressed
from disentangle.perturbation.compression import (
    prune_model,
    pruned,
    rank_of_energy,
    truncate_model,
)
from disentangle.study.sections.compression import Truncation
from disentangle.tables.compression import LEFT
from disentangle.tables.files import to_arrow

LINEARS = {
    **{f"self_attn.{name}_proj": name for name in "qkvo"},
    **{f"mlp.{name}_proj": name for name in ("gate", "up", "down")},
}


def model_of(layers: int = 2) -> OlmoForCausalLM:
    torch.manual_seed(0)
    config = OlmoConfig(
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=layers,
        num_attention_heads=2, pad_token_id=0,
    )  # fmt: skip
    model = OlmoForCausalLM(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_()
    return model


def weight_of(model: OlmoForCausalLM, layer: int, name: str) -> torch.Tensor:
    place = next(place for place, short in LINEARS.items() if short == name)
    return model.get_parameter(f"model.layers.{layer}.{place}.weight").detach()


def changed(model: OlmoForCausalLM, before: dict[str, torch.Tensor]) -> set[str]:
    return {
        name.removeprefix("model.layers.").removesuffix(".weight")
        for name, weight in model.named_parameters()
        if not torch.equal(weight, before[name])
    }


def copied(model: OlmoForCausalLM) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


# Truncation of a model


@pytest.mark.parametrize(("rank", "expected"), [(3, 3), (0.25, 4), (100, 16), (0.001, 1)])
def test_svd_keeps_a_number_or_a_share(rank: float, expected: int) -> None:
    model = model_of()
    before = copied(model)
    left = truncate_model(model, 64, Truncation(method="svd", matrices=["down", "q"], rank=rank))
    for layer in (0, 1):
        for name in ("down", "q"):
            M = weight_of(model, layer, name)
            assert torch.linalg.matrix_rank(M.double(), rtol=1e-6) == expected
    assert left.kept == pytest.approx(expected / 16)
    numbers = 2 * expected * ((16 + 32) + (16 + 16)) / (2 * (16 * 32 + 16 * 16))
    assert left.numbers == pytest.approx(numbers)
    if expected < 16:
        places = {f"{layer}.{n}" for layer in (0, 1) for n in ("mlp.down_proj", "self_attn.q_proj")}
        assert changed(model, before) == places


def test_only_the_layers_named_are_changed_and_the_last_is_minus_one() -> None:
    model = model_of(3)
    before = copied(model)
    truncate_model(model, 64, Truncation(matrices=["up"], layers=[-1, 0, 2], rank=2))
    assert changed(model, before) == {"0.mlp.up_proj", "2.mlp.up_proj"}


def test_energy_is_the_lowest_rank_that_keeps_the_share() -> None:
    sigma = torch.tensor([4.0, 2.0, 1.0, 1.0])  # squares 16, 4, 1, 1 of 22
    shares = (0.5, 16 / 22, 0.73, 20 / 22, 0.92, 0.999)
    assert [rank_of_energy(sigma.double(), share) for share in shares] == [1, 1, 2, 2, 3, 4]
    model = model_of()
    sigma = torch.linalg.svdvals(weight_of(model, 1, "o").double())
    left = truncate_model(model, 64, Truncation(matrices=["o"], layers=[1], energy=0.8))
    kept = round(left.kept * 16)
    energies = sigma.square().cumsum(0) / sigma.square().sum()
    assert energies[kept - 1] >= 0.8 > energies[kept - 2]
    assert left.energy == pytest.approx(float(energies[kept - 1]))


def test_w_is_nearest_over_the_rows_in_use() -> None:
    model = model_of()
    W = model.lm_head.weight.detach().double().clone()
    truncate_model(model, 50, Truncation(matrices=["W"], rank=4))
    U, sigma, Vh = torch.linalg.svd(W[:50], full_matrices=False)
    best = (U[:, :4] * sigma[:4]) @ Vh[:4]
    assert torch.allclose(model.lm_head.weight[:50].double(), best, atol=1e-4)


@pytest.mark.parametrize("method", ["cp", "tucker"])
@pytest.mark.parametrize("matrices", [["q", "k", "v", "o"], ["gate", "up", "down"]])
def test_a_stack_of_few_directions_is_kept_and_down_is_turned(
    method: str, matrices: list[str]
) -> None:
    """Matrices made of shared directions lose nothing; without turning `down` they would."""
    model = model_of()
    n = 16 if "q" in matrices else 32
    generator = torch.Generator().manual_seed(3)
    U, V = (torch.randn(side, 2, generator=generator) for side in (n, 16))
    with torch.no_grad():
        for layer in (0, 1):
            for i, name in enumerate(matrices):
                M = (U * torch.tensor([i + 1.0, (-2.0) ** i + layer])) @ V.T
                weight_of(model, layer, name).copy_(M.T if name == "down" else M)
    before = copied(model)
    wanted = Truncation.model_validate({"method": method, "matrices": matrices, "rank": 2})
    left = truncate_model(model, 64, wanted)
    assert left.energy == pytest.approx(1, abs=1e-6)
    for name, weight in model.named_parameters():
        assert torch.allclose(weight, before[name], atol=1e-2)
    fewer = wanted.model_copy(update={"rank": 1})
    assert truncate_model(model, 64, fewer).energy < 0.99


def test_one_stack_of_all_layers_shares_what_stacks_of_each_do_not() -> None:
    wanted = Truncation(method="tucker", matrices=["q", "k"], rank=4)
    by_layer = truncate_model(model_of(), 64, wanted)
    together = truncate_model(model_of(), 64, wanted.model_copy(update={"stack": "all"}))
    assert together.energy < by_layer.energy
    assert together.numbers < by_layer.numbers
    numbers = (4 * 4 * 4 + 16 * 4 + 16 * 4) / (4 * 16 * 16)
    assert together.numbers == pytest.approx(numbers)


def test_rank_before_is_the_effective_rank() -> None:
    model = model_of(1)
    with torch.no_grad():
        weight_of(model, 0, "q").copy_(torch.eye(16))
        weight_of(model, 0, "k").copy_(torch.diag(torch.tensor([1.0] * 4 + [0.0] * 12)))
    left = truncate_model(model, 64, Truncation(matrices=["q", "k"], rank=0.5))
    assert left.rank_pct == pytest.approx((100 + 25) / 2)
    assert left.energy == pytest.approx((8 + 4) / (16 + 4))


# Pruning


def test_pruning_takes_the_exact_share_and_the_first_of_ties() -> None:
    M = torch.tensor([[1.0, -1.0, 1.0], [-2.0, 0.5, 1.0]])
    assert pruned(M, 0.5).tolist() == [[0, 0, 1.0], [-2.0, 0, 1.0]]
    assert pruned(M, 0.9).count_nonzero() == 1  # round(0.9 x 6) = 5
    assert pruned(torch.ones(4, 5), 0.8).flatten().tolist() == [0.0] * 16 + [1.0] * 4


@pytest.mark.parametrize("sparsity", [0.5, 0.8, 0.9])
def test_every_linear_of_the_layers_loses_its_smallest_weights(sparsity: float) -> None:
    model = model_of()
    before = copied(model)
    left = prune_model(model, sparsity)
    assert changed(model, before) == {f"{layer}.{n}" for layer in (0, 1) for n in LINEARS}
    for name, weight in model.named_parameters():
        if ".layers." not in name:
            continue
        gone = weight == 0
        assert int(gone.sum()) == round(sparsity * weight.numel())
        assert before[name][gone].abs().max() <= before[name][~gone].abs().min()
        assert torch.equal(weight[~gone], before[name][~gone])
    assert left.kept == pytest.approx(1 - sparsity, abs=1e-3)
    assert left.numbers == pytest.approx(1 - sparsity, abs=1e-3)
    assert 1 - sparsity < left.energy < 1


@pytest.mark.parametrize("how", [Truncation(matrices=["q", "down"], rank=2), 0.5])
def test_a_weight_that_is_not_finite_is_refused_before_anything_changes(
    how: Truncation | float,
) -> None:
    model = model_of()
    with torch.no_grad():
        weight_of(model, 1, "down")[0, 0] = torch.inf
    before = copied(model)
    with pytest.raises(StudyError, match=r"down.*not finite"):
        if isinstance(how, Truncation):
            truncate_model(model, 64, how)
        else:
            prune_model(model, how)
    assert not changed(model, before)


# A checkpoint of a run

WAYS: dict[str, Truncation | float] = {
    "truncated-mlp": Truncation(method="cp", matrices=["gate", "up"], rank=0.2),
    "pruned-80": 0.8,
}


def compressed(bench: Bench, run: Path, folder: Path, code: str = "c") -> tuple[Any, Any, Any]:
    said: list[str] = []
    outcomes, rows = compress_run(
        bench.runs[0],
        WAYS,
        manifest=run / "manifest.json",
        perturbed=folder,
        code_version=code,
        say=said.append,
    )
    return outcomes, rows, said


def test_a_run_is_compressed_once_in_every_way(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    outcomes, rows, said = compressed(bench, trained_run, tmp_path)
    assert [outcome.variant for outcome in outcomes] == list(WAYS)
    assert all(outcome.step == outcome.of_step and not outcome.reason for outcome in outcomes)
    assert len(said) == 2
    assert to_arrow(rows, LEFT).num_rows == 2
    assert rows[1]["kept"] == pytest.approx(0.2, abs=0.01)
    assert [row["matrices"] for row in rows] == ["gate up", "all of the layers"]
    again = compressed(bench, trained_run, tmp_path)
    assert again == (outcomes, rows, [])
    other_code = compressed(bench, trained_run, tmp_path, "d")
    assert other_code[:2] == (outcomes, rows) and len(other_code[2]) == 2


def test_the_folder_is_a_checkpoint_that_says_what_is_left(
    trained_run: Path, tmp_path: Path
) -> None:
    base = trained_run / "step16"
    made = write_compressed(base, tmp_path / "p", 0.5, code_version="c", device="cpu")
    assert (
        made == read_checkpoint(tmp_path / "p") == load_checkpoint(tmp_path / "p", "cpu").manifest
    )
    assert made.settings["sparsity"] == 0.5
    assert made.settings[FOUND].keys() == {"kept", "numbers", "energy", "rank_pct"}
    before, after = (load_file(folder / WEIGHTS) for folder in (base, tmp_path / "p"))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if ".layers." in name}


def test_the_more_is_taken_the_more_is_lost(
    learned: Path, tmp_path: Path, unseen: torch.Tensor
) -> None:
    def after(name: str, how: Truncation | float) -> float:
        write_compressed(learned, tmp_path / name, how, code_version="c", device="cpu")
        return loss(load_checkpoint(tmp_path / name, "cpu").model, unseen)

    base = loss(load_checkpoint(learned, "cpu").model, unseen)
    every = ["q", "k", "v", "o", "gate", "up", "down"]
    whole, half, one = (
        after(f"svd-{rank}", Truncation.model_validate({"matrices": every, "rank": rank}))
        for rank in (48, 0.5, 1)
    )
    assert whole == pytest.approx(base, abs=1e-5)
    assert base < half < one
    assert base < after("p5", 0.5) < after("p9", 0.9)


def test_a_run_that_diverged_has_nothing_to_compress(bench: Bench, tmp_path: Path) -> None:
    run, manifest = bench.runs[0], tmp_path / "manifest.json"
    RunManifest(run.name, "diverged", 3, identity={}, checkpoints={}, environment={}).write(
        manifest
    )
    outcomes, rows = compress_run(
        run, WAYS, manifest=manifest, perturbed=tmp_path, code_version="c", say=print
    )
    assert {outcome.reason for outcome in outcomes} == {"the run diverged"} and rows == []
