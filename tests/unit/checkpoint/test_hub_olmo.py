"""What ai2-olmo's class for the hub wrote, as DataDecide's models are, becomes what it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hf_olmo import OLMoConfig, OLMoForCausalLM
from olmo.config import LayerNormType
from olmo.model import OLMo
from safetensors.torch import load_file, save_file
from trained import Bench
from transformers import AutoTokenizer, LlamaForCausalLM, OlmoForCausalLM

from disentangle.checkpoint.importing import import_run
from disentangle.checkpoint.manifest import RunManifest, read_checkpoint
from disentangle.checkpoint.olmo_source import load_olmo
from disentangle.checkpoint.unembedding import read_unembedding
from disentangle.corpus.documents import read_texts
from disentangle.study.external import ExternalRun, is_olmo
from disentangle.training.olmo_config import model_config

DATADECIDE = {
    "layer_norm_type": LayerNormType.rms,
    "layer_norm_with_affine": True,
    "layer_norm_eps": 1e-6,
}


def built(bench: Bench, **changes: Any) -> OLMo:
    """A model whose every weight matters: norms are all ones otherwise."""
    config = model_config(bench.runs[0], "cpu", 0).update_with(d_model=16, n_heads=4, **changes)
    torch.manual_seed(1)
    olmo = OLMo(config).eval()
    with torch.no_grad():
        for weight in olmo.parameters():
            weight += 0.1 * torch.randn_like(weight)
    return olmo


def saved(folder: Path, olmo: OLMo, tokenizer: Path | None = None) -> Path:
    """A folder as the class writes it."""
    config = OLMoConfig(**olmo.config.asdict())
    OLMoForCausalLM(config, model=olmo).save_pretrained(folder)
    for file in sorted(tokenizer.glob("tokenizer*.json")) if tokenizer else ():
        shutil.copy(file, folder)
    return folder


def bring_in(source: Path, bench: Bench) -> RunManifest:
    return import_run(
        ExternalRun("m", str(source), {7: "step7"}, None, {}),
        folder=source.parent / "m",
        warmed=None,
        texts=read_texts(bench.heldout["id"]),
        code_version="a",
        say=lambda line: None,
    )


@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        (DATADECIDE, LlamaForCausalLM),
        (
            DATADECIDE | {"weight_tying": True, "n_kv_heads": 2, "mlp_hidden_size": 48},
            LlamaForCausalLM,
        ),
        ({"clip_qkv": 0.05}, OlmoForCausalLM),
    ],
    ids=["DataDecide", "tied grouped", "the first OLMo"],
)
def test_it_gives_the_same_logits(
    bench: Bench, tmp_path: Path, changes: dict[str, Any], becomes: type
) -> None:
    olmo = built(bench, **changes)
    loaded = load_olmo(saved(tmp_path / "model", olmo))
    assert type(loaded) is becomes
    tokens = torch.randint(0, 400, (3, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, actual = olmo(tokens).logits, loaded(tokens).logits
    assert torch.allclose(expected, actual, rtol=0, atol=1e-5)
    assert expected.std() > 0.1


def test_it_is_imported_with_the_tokenizer_beside_it(bench: Bench, tmp_path: Path) -> None:
    folder = saved(tmp_path / "source" / "step7", built(bench, **DATADECIDE), bench.tokenizer)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    # ai2-olmo's own class, which transformers does not know
    config |= {"tokenizer_class": "OLMoTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert is_olmo(folder)
    manifest = bring_in(tmp_path / "source", bench)
    assert list(manifest.checkpoints) == [7], manifest.quarantined
    step = tmp_path / "source" / ".." / "m" / "step7"
    assert (read_checkpoint(step).rows, read_checkpoint(step).dim) == (400, 16)
    written = AutoTokenizer.from_pretrained(step)
    asked = AutoTokenizer.from_pretrained(bench.tokenizer)
    assert written("def f(x): return 1").input_ids == asked("def f(x): return 1").input_ids
    assert written.eos_token == asked.eos_token


@pytest.mark.parametrize("tied", [False, True])
def test_its_unembedding_is_read_without_building_it(
    bench: Bench, tmp_path: Path, tied: bool
) -> None:
    olmo = built(bench, **DATADECIDE, weight_tying=tied)
    head = olmo.transformer["wte" if tied else "ff_out"].weight
    assert torch.equal(read_unembedding(saved(tmp_path / "model", olmo)), head)


def test_pickled_weights_are_read_where_there_are_no_others(bench: Bench, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", built(bench, **DATADECIDE))
    expected = load_olmo(folder).state_dict()
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    again = load_olmo(folder).state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in expected.items())


def weights(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")

    return spoil


def config(**changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(content))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (weights(lambda s: s.pop("model.transformer.ln_f.weight")), "lacks weights .*ln_f"),
        (weights(lambda s: s.update(further=torch.ones(2))), r"the model lacks \(further\)"),
        (config(n_layers=10**9), "config.json says 1000000000 layers, but there are 15 weights"),
        (config(d_model=32), "but config.json says 32 rows"),
        (
            config(layer_norm_with_affine=False),
            "OLMo with norm_after=False and layer_norm_with_aff",
        ),
        (config(layer_norm_type="strange"), "config.json: Invalid value 'strange'"),
        (config(d_model="${oc.env:HOME}"), r"config.json: it has \$\{...\}; write it out"),
        (lambda folder: (folder / "model.safetensors").unlink(), "it has no file like"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "cannot be read"),
    ],
)
def test_what_is_wrong_with_it_is_said(
    bench: Bench, tmp_path: Path, spoil: Callable[[Path], Any], reason: str
) -> None:
    folder = saved(tmp_path / "model", built(bench, **DATADECIDE))
    spoil(folder)
    with pytest.raises(ValueError, match=reason):
        load_olmo(folder)
