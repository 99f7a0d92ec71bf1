"""The loss without kept logits is the stock model's loss, and so are its gradients."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from olmo.config import ModelConfig
from olmo.model import OLMo
from torch.nn.functional import cross_entropy
from trained import Bench

from disentangle.study.sections.model import Model, Size
from disentangle.training import model as module
from disentangle.training.model import LossModel
from disentangle.training.olmo_config import model_config


def config_of(bench: Bench, *, tied: bool) -> ModelConfig:
    size = Size(name="two", d_model=16, n_layers=2, n_heads=2)
    shape = Model(sequence_length=bench.runs[0].model.sequence_length, tied=tied)
    return model_config(replace(bench.runs[0], size=size, model=shape), "cpu", end_of_text=0)


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("rows", [7, 256])
def test_loss_and_gradients_are_those_of_all_logits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tied: bool, rows: int
) -> None:
    monkeypatch.setattr(module, "ROWS_ON_CPU", rows)
    config = config_of(bench, tied=tied)
    ours, stock = LossModel(config), OLMo(config)
    stock.load_state_dict(ours.state_dict())
    tokens = torch.randint(config.vocab_size, (4, config.max_sequence_length))
    labels = tokens[:, 1:].clone()
    labels[0, 3:9] = -100
    loss = ours(tokens, labels=labels)
    logits: Any = stock(tokens).logits[:, :-1]
    plain = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)
    (loss / tokens.numel()).backward()
    (plain / tokens.numel()).backward()
    expected = gradients(stock)
    assert gradients(ours).keys() == expected.keys() == dict(ours.named_parameters()).keys()
    for name, gradient in gradients(ours).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-5, atol=1e-6, msg=name)
    assert torch.equal(ours(tokens).logits, stock(tokens).logits)


def test_a_part_of_the_logits_exists_at_a_time(bench: Bench, tmp_path: Path) -> None:
    config = config_of(bench, tied=False)
    model = LossModel(config)
    tokens = torch.randint(config.vocab_size, (64, config.max_sequence_length))
    allocated: list[int] = []

    class Largest(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            made = func(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                allocated.append(made.numel())
            return made

    with Largest():
        model(tokens, labels=tokens[:, 1:])
    assert max(allocated) < tokens.numel() * config.vocab_size / 2
