"""A quantised checkpoint is a checkpoint: whole, loadable through the guard, and as it says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from learned import loss
from safetensors.torch import load_file
from trained import Bench
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
)

from disentangle.checkpoint.guard import QuarantineError, load_checkpoint
from disentangle.checkpoint.manifest import read_checkpoint
from disentangle.decoder import decoder_layers
from disentangle.errors import StudyError
from disentangle.perturbation.gptq import gptq
from disentangle.perturbation.quantize import linears_of, quantize_model
from disentangle.perturbation.quantized_checkpoint import write_quantized
from disentangle.perturbation.rounding import round_to_nearest
from disentangle.storage import read_sealed, sha256_of, write_json
from disentangle.tables.collect import checkpoint_rows
from disentangle.tables.collected import CHECKPOINTS
from disentangle.tables.files import write_table
from disentangle.training.pretrain import pretrain

SETTINGS: dict[str, Any] = {"code_version": "c", "device": "cpu"}


def rounded(folder: Path, **settings: Any) -> PreTrainedModel:
    model = load_checkpoint(folder, "cpu").model
    for layer in decoder_layers(model):
        for linear in linears_of(layer).values():
            linear.weight.data = round_to_nearest(linear.weight, **settings)
    return model


@pytest.mark.parametrize(("bits", "group_size"), [(2, 32), (3, 32), (3, None), (4, 16), (8, 32)])
def test_loses_less_than_rounding_does(
    learned: Path,
    tmp_path: Path,
    sequences: torch.Tensor,
    unseen: torch.Tensor,
    bits: int,
    group_size: int | None,
) -> None:
    base = loss(load_checkpoint(learned, "cpu").model, unseen)
    assert base < 5.6  # ln 400 = 5.99: it has learned something
    write_quantized(
        learned, tmp_path / "q", sequences, bits=bits, group_size=group_size, **SETTINGS
    )
    quantized = loss(load_checkpoint(tmp_path / "q", "cpu").model, unseen)
    nearest = loss(rounded(learned, bits=bits, group_size=group_size), unseen)
    assert abs(quantized - base) < 1.05 * abs(nearest - base) + 1e-3
    if bits == 8:
        assert quantized == pytest.approx(base, abs=1e-3)
    if bits < 4:
        assert base < quantized < nearest


def test_the_folder_is_a_checkpoint_that_says_how_it_was_made(
    trained_run: Path, tmp_path: Path, sequences: torch.Tensor
) -> None:
    base, folder = trained_run / "step16", tmp_path / "deep" / "step16"
    before = {path.name: sha256_of(path) for path in base.iterdir()}
    returned = write_quantized(base, folder, sequences, bits=3, group_size=5, **SETTINGS)
    assert {path.name: sha256_of(path) for path in base.iterdir()} == before
    manifest = read_checkpoint(folder)
    assert manifest == returned
    assert [path.name for path in folder.parent.iterdir()] == ["step16"]
    of_base = read_checkpoint(base)
    assert manifest.source == f"gptq of {of_base.run} step 16"
    assert manifest.settings == {
        "method": "gptq",
        "bits": 3,
        "group_size": 5,
        "damping": 0.01,
        "calibration": {
            "sequences": 128,
            "length": 32,
            "sha256": manifest.settings["calibration"]["sha256"],
        },
        "base_weights_sha256": of_base.weights_sha256,
    }
    anew = ("source", "settings", "weights_sha256", "probe_loss", "code_version")
    assert replace(manifest, **{name: getattr(of_base, name) for name in anew}) == of_base
    assert manifest.probe_loss != of_base.probe_loss
    loaded = load_checkpoint(folder, "cpu")
    assert torch.equal(loaded.unembedding, load_checkpoint(base, "cpu").unembedding)
    text = "The sun is a star.\n  def f(x): return x"
    of_folder, of_its_base = (AutoTokenizer.from_pretrained(path) for path in (folder, base))
    assert of_folder(text)["input_ids"] == of_its_base(text)["input_ids"]


def test_a_manifest_of_before_there_were_settings_reads(own_run: Path) -> None:
    path = own_run / "step16" / "manifest.json"
    fields = read_sealed(path)
    assert fields.pop("settings") == {}
    write_json(path, fields)
    assert read_checkpoint(own_run / "step16").settings == {}


def test_settings_are_no_column_of_the_checkpoints_table(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    rows = checkpoint_rows(bench.runs[0], trained_run / "manifest.json")
    write_table(rows, CHECKPOINTS, tmp_path / "checkpoints.parquet")


def test_only_the_layers_linears_change_and_each_time_alike(
    trained_run: Path, tmp_path: Path, sequences: torch.Tensor
) -> None:
    base = trained_run / "step16"
    manifests = [
        write_quantized(base, tmp_path / name, sequences, bits=2, group_size=4, **SETTINGS)
        for name in ("a", "b", "a")
    ]
    assert len({manifest.weights_sha256 for manifest in manifests}) == 1
    before, after = (load_file(f / "model.safetensors") for f in (base, tmp_path / "a"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if ".layers." in name}
    other = write_quantized(base, tmp_path / "c", sequences[:64], bits=2, group_size=4, **SETTINGS)
    assert other.settings != manifests[0].settings
    assert other.weights_sha256 != manifests[0].weights_sha256


def test_a_tied_model_stays_tied(bench: Bench, tmp_path: Path, sequences: torch.Tensor) -> None:
    model = bench.runs[0].model.model_copy(update={"tied": True})
    pretrain(bench.run(model=model, checkpoints=(2,)), **bench.arguments(tmp_path / "tied"))
    base = tmp_path / "tied" / "step2"
    write_quantized(base, tmp_path / "q", sequences, bits=4, group_size=8, **SETTINGS)
    assert load_checkpoint(tmp_path / "q", "cpu").manifest.tied


def test_a_kill_leaves_the_old_folder_and_no_half_of_a_new_one(
    trained_run: Path, tmp_path: Path, sequences: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, folder = trained_run / "step16", tmp_path / "q"
    old = write_quantized(base, folder, sequences, bits=4, group_size=8, **SETTINGS)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", killed)
        with pytest.raises(KeyboardInterrupt):
            write_quantized(base, folder, sequences, bits=2, group_size=8, **SETTINGS)
    assert load_checkpoint(folder, "cpu").manifest == old
    new = write_quantized(base, folder, sequences, bits=2, group_size=8, **SETTINGS)
    assert load_checkpoint(folder, "cpu").manifest == new
    assert [path.name for path in tmp_path.iterdir()] == ["q"]


def test_a_base_that_is_not_its_manifests_is_not_quantised(
    own_run: Path, tmp_path: Path, sequences: torch.Tensor
) -> None:
    weights = own_run / "step16" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 64
    weights.write_bytes(data)
    with pytest.raises(QuarantineError, match="SHA-256"):
        write_quantized(
            own_run / "step16", tmp_path / "q", sequences, bits=4, group_size=8, **SETTINGS
        )
    assert not list(tmp_path.glob("*q*"))


SMALL = {"vocab_size": 100, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
MAKERS: dict[str, Callable[[], PreTrainedModel]] = {
    "neox": lambda: GPTNeoXForCausalLM(
        GPTNeoXConfig(**SMALL, intermediate_size=40, max_position_embeddings=64)
    ),
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(
            **SMALL, intermediate_size=40, num_key_value_heads=1, max_position_embeddings=64
        )
    ),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(**SMALL, ffn_dim=40, word_embed_proj_dim=16, max_position_embeddings=64)
    ),
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
@torch.no_grad()
def test_each_layer_is_quantised_for_what_the_quantised_ones_before_give_it(
    maker: Callable[[], PreTrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disentangle.perturbation.quantize.BATCH_TOKENS", 100)  # 4 batches
    torch.manual_seed(0)
    model = maker().eval()
    for parameter in model.parameters():
        parameter.mul_(4)  # as initialised, layers hardly change the stream
    tokens = torch.randint(0, 100, (20, 16))
    originals = {name: weight.clone() for name, weight in model.state_dict().items()}
    quantize_model(model, tokens, bits=3, group_size=None)
    after = {name: weight.clone() for name, weight in model.state_dict().items()}
    layers = decoder_layers(model)
    assert len(layers) == 3
    names = {id(module): name for name, module in model.named_modules()}
    quantised = set()
    for layer in layers:
        # this layer as it was, the ones before as they are: one whole pass, seen from outside
        prefix = names[id(layer)]
        for name, weight in model.state_dict().items():
            if name.startswith(prefix + "."):
                weight.copy_(originals[name])
        for linear in linears_of(layer).values():
            seen: list[torch.Tensor] = []
            hook = linear.register_forward_hook(lambda _, x, __, seen=seen: seen.append(x[0]))
            model(tokens)
            hook.remove()
            X = torch.cat([x.reshape(-1, x.shape[-1]) for x in seen]).double()
            name = f"{names[id(linear)]}.weight"
            expected = gptq(originals[name], X.T @ X, bits=3, group_size=None)
            assert torch.allclose(after[name], expected, rtol=1e-4, atol=1e-6), name
            quantised.add(name)
        model.load_state_dict(after)
    changed = {name for name in after if not torch.equal(after[name], originals[name])}
    assert changed == quantised


def test_what_cannot_be_quantised_is_refused_before_anything_changes() -> None:
    torch.manual_seed(0)
    model = MAKERS["llama"]().eval()
    originals = {name: weight.clone() for name, weight in model.state_dict().items()}
    tokens = torch.randint(0, 100, (20, 16))
    for refused, bits, message in [
        (tokens[:1], 4, "16 calibration tokens are too few for a layer of 40"),
        (tokens + 95, 4, "0 to 99"),
        (tokens - 1, 4, "from -1"),
        (tokens.float(), 4, "float32"),
        (tokens.view(4, 80), 4, "80 tokens are longer than the 64"),
        (tokens[0], 4, r"\(16,\)"),
        (tokens, 9, "9 bits"),
    ]:
        with pytest.raises(StudyError, match=message):
            quantize_model(model, refused, bits=bits, group_size=None)
    assert all(torch.equal(weight, originals[name]) for name, weight in model.state_dict().items())
    of_no_linears = GPT2LMHeadModel(GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=100))
    with pytest.raises(StudyError, match=r"no torch\.nn\.Linear"):
        quantize_model(of_no_linears, tokens, bits=4, group_size=None)
    model.model.layers[1].mlp.up_proj.weight.data[0, 0] = torch.nan
    with pytest.raises(StudyError, match=r"layer 1, mlp\.up_proj"):
        quantize_model(model, tokens, bits=4, group_size=None)
    assert model(tokens).logits.shape == (20, 16, 100)  # no hook is left behind
