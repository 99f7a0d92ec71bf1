"""An exported checkpoint computes what OLMo computes, and a broken one is refused by name."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from trained import Bench
from transformers import AutoModelForCausalLM, AutoTokenizer

from disentangle.checkpoint.export import hugging_face_config, to_hugging_face
from disentangle.checkpoint.guard import QuarantineError, load_checkpoint
from disentangle.checkpoint.manifest import read_checkpoint
from disentangle.corpus.sources import read_source
from disentangle.corpus.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
from disentangle.errors import StudyError
from disentangle.storage import read_sealed, sha256_of, write_json
from disentangle.training.olmo_config import model_config

Tensors = dict[str, torch.Tensor]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shape", [(16, 2, 4), (24, 3, 2)])
def test_logits_are_olmos_own(
    bench: Bench, tmp_path: Path, tied: bool, shape: tuple[int, int, int]
) -> None:
    from olmo.model import OLMo

    d_model, n_layers, n_heads = shape
    run = bench.runs[0]
    size = run.size.model_copy(
        update={"d_model": d_model, "n_layers": n_layers, "n_heads": n_heads}
    )
    model = run.model.model_copy(update={"tied": tied})
    config = model_config(bench.run(size=size, model=model), "cpu", 0)
    torch.manual_seed(1)
    olmo = OLMo(config).eval()
    save_file(
        to_hugging_face(olmo.state_dict(), config),
        tmp_path / "model.safetensors",
        metadata={"format": "pt"},
    )
    hugging_face_config(config).save_pretrained(tmp_path)
    exported = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokens = torch.randint(0, 400, (3, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, actual = olmo(tokens).logits, exported(tokens).logits
    assert torch.allclose(expected, actual, rtol=0, atol=1e-6)
    assert expected.std() > 0.1


def test_a_model_the_mapping_is_not_exact_for_is_not_exported(bench: Bench) -> None:
    from olmo.model import OLMo

    config = model_config(bench.runs[0], "cpu", 0)
    state = OLMo(config).state_dict()
    inexact = {"rope": False, "include_bias": True, "norm_after": True, "layer_norm_eps": 1e-6}
    for field, value in inexact.items():
        changed = config.update_with(**{field: value})
        with pytest.raises(AssertionError, match=field):
            to_hugging_face(state, changed)


def test_the_folder_is_whole_for_hugging_face(trained_run: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained_run / "step16")
    text = "The sun is a star.\n  def f(x): return x"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert tokenizer.eos_token_id == 0


def test_a_sound_checkpoint_is_loaded_without_its_padding_rows(trained_run: Path) -> None:
    checkpoint = load_checkpoint(trained_run / "step16", "cpu")
    assert checkpoint.model.get_output_embeddings().weight.shape == (512, 8)
    assert checkpoint.unembedding.shape == (400, 8)
    stored = load_file(trained_run / "step16" / "model.safetensors")
    assert torch.equal(checkpoint.unembedding, stored["lm_head.weight"][:400])


def rewrite(folder: Path, change: Callable[[Tensors], Tensors], honest: bool = True) -> None:
    """Change the weights; an honest writer makes the manifest agree."""
    weights = folder / "model.safetensors"
    save_file(change(load_file(weights)), weights, metadata={"format": "pt"})
    if honest:
        agree(folder)


def agree(folder: Path) -> None:
    """Put the hashes of weights and configuration into the manifest."""
    manifest, config = read_checkpoint(folder), folder / "config.json"
    replace(
        manifest,
        weights_sha256=sha256_of(folder / "model.safetensors"),
        config_sha256=sha256_of(config) if config.exists() else manifest.config_sha256,
    ).write(folder)


def with_nan(tensors: Tensors) -> Tensors:
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = torch.nan
    return tensors


def without_a_key(tensors: Tensors) -> Tensors:
    return {k: v for k, v in tensors.items() if k != "model.layers.1.mlp.up_proj.weight"}


def head_is_embedding(tensors: Tensors) -> Tensors:
    return tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"].clone()}


def swapped_layers(tensors: Tensors) -> Tensors:
    name = "model.layers.{}.self_attn.q_proj.weight"
    return tensors | {
        name.format(0): tensors[name.format(1)],
        name.format(1): tensors[name.format(0)],
    }


def narrower(tensors: Tensors) -> Tensors:
    return tensors | {"lm_head.weight": tensors["lm_head.weight"][:300].clone()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_nan, r"layers\.0\.mlp\.up_proj\.weight contains a number that is not finite"),
        (without_a_key, r"missing keys: model\.layers\.1\.mlp\.up_proj"),
        (head_is_embedding, "the head equals the embedding although they are not tied"),
        (swapped_layers, "its loss on the probe tokens is"),
        (narrower, "mismatched keys"),
    ],
)
def test_a_broken_checkpoint_is_refused(
    own_run: Path, change: Callable[[Tensors], Tensors], reason: str
) -> None:
    rewrite(own_run / "step16", change)
    with pytest.raises(QuarantineError, match=reason) as error:
        load_checkpoint(own_run / "step16", "cpu")
    assert "step16" in str(error.value)


def another_tokenizer(folder: Path) -> None:
    """Of the same size, from other text: nothing but its hash tells."""
    texts = list(read_source("stdlib-python"))[:300]
    tokenizer = train_tokenizer(texts, 400)
    assert tokenizer.get_vocab() != load_tokenizer(folder).get_vocab()
    save_tokenizer(tokenizer, folder, 32)


def lost_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def further_tokens(folder: Path) -> None:
    (folder / "added_tokens.json").write_text('{"the": 5}')


@pytest.mark.parametrize("change", [another_tokenizer, lost_tokenizer, further_tokens])
def test_a_tokenizer_that_is_not_its_own_is_refused(
    own_run: Path, change: Callable[[Path], None]
) -> None:
    change(own_run / "step16")
    with pytest.raises(QuarantineError, match=r"tokenizer differs from the manifest's: .*token"):
        load_checkpoint(own_run / "step16", "cpu")


def test_a_manifest_of_before_says_nothing_of_the_tokenizer(own_run: Path) -> None:
    path = own_run / "step16" / "manifest.json"
    manifest = read_sealed(path)
    del manifest["tokenizer"]
    write_json(path, manifest)  # nor had it a seal
    another_tokenizer(own_run / "step16")
    assert load_checkpoint(own_run / "step16", "cpu").manifest.tokenizer == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden_size": 16}, "mismatched keys"),
        ({"intermediate_size": 64}, "mismatched keys"),
        ({"vocab_size": 640}, "mismatched keys"),
        ({"num_hidden_layers": 3}, "missing keys"),
        ({"num_hidden_layers": 1}, "unexpected keys"),
        ({"num_attention_heads": 4, "num_key_value_heads": 4}, "loss on the probe tokens"),
        ({"hidden_size": "wide"}, "it cannot be loaded"),
        ({"model_type": "strange"}, "it cannot be loaded"),
    ],
    ids=str,
)
def test_a_config_of_another_size_is_refused(
    own_run: Path, changes: dict[str, object], reason: str
) -> None:
    path = own_run / "step16" / "config.json"
    write_json(path, json.loads(path.read_text()) | changes)
    with pytest.raises(QuarantineError, match=r"config.json was changed"):
        load_checkpoint(own_run / "step16", "cpu")
    agree(own_run / "step16")
    with pytest.raises(QuarantineError, match=reason):
        load_checkpoint(own_run / "step16", "cpu")


@pytest.mark.parametrize("content", [None, "", "{"])
def test_a_config_that_is_lost_or_cut_short_is_refused(own_run: Path, content: str | None) -> None:
    path = own_run / "step16" / "config.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
        agree(own_run / "step16")
    with pytest.raises(
        QuarantineError, match=r"it cannot be loaded|config.json is missing"
    ) as error:
        load_checkpoint(own_run / "step16", "cpu")
    assert str(own_run) not in error.value.reason


def test_weights_that_are_not_the_manifests_are_refused(own_run: Path) -> None:
    rewrite(own_run / "step16", swapped_layers, honest=False)
    with pytest.raises(QuarantineError, match="SHA-256"):
        load_checkpoint(own_run / "step16", "cpu")


def test_a_pickle_is_not_read(own_run: Path) -> None:
    folder = own_run / "step16"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(StudyError, match="safetensors is missing"):
        load_checkpoint(folder, "cpu")
