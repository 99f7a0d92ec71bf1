"""What ai2-olmo's trainer saved becomes the model that it was, or is refused with a reason."""

import base64
import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from olmo.config import LayerNormType, ModelConfig, TokenizerConfig, TrainConfig
from olmo.model import OLMo
from olmo.safetensors_util import state_dict_to_safetensors_file
from safetensors.torch import save_file
from trained import Bench

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.importing import import_run
from disentangle.checkpoint.manifest import RunManifest, read_checkpoint
from disentangle.checkpoint.olmo_source import load_olmo, read_olmo_step
from disentangle.checkpoint.source_tokenizer import tokenizer_files
from disentangle.corpus.documents import read_texts
from disentangle.corpus.named_tokenizers import shipped_tokenizers
from disentangle.errors import StudyError
from disentangle.study.external import ExternalRun
from disentangle.training.olmo_config import model_config
from disentangle.training.pretrain import pretrain

STEPS = {4: "step4-unsharded", 16: "step16-unsharded"}


@pytest.fixture(scope="module")
def kept_run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which the trainer's own states were kept."""
    folder = tmp_path_factory.mktemp("kept") / bench.runs[0].name
    pretrain(bench.runs[0], **bench.arguments(folder) | {"keep_states": True})
    return folder


@pytest.fixture
def source(kept_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept_run / "trainer", tmp_path / "trainer", symlinks=True))


def bring_in(source: Path, bench: Bench, **further: Any) -> RunManifest:
    named = {"tokenizer": str(bench.tokenizer)} | further
    run = ExternalRun("m", str(source), STEPS, None, {}, **named)
    return import_run(
        run,
        folder=source.parent / "m",
        warmed=None,
        texts=read_texts(bench.heldout["id"]),
        code_version="a",
        say=lambda line: None,
    )


def test_the_trainers_state_is_the_checkpoint_that_was_exported_beside_it(
    kept_run: Path, source: Path, bench: Bench
) -> None:
    manifest = bring_in(source, bench)
    own = {step: read_checkpoint(kept_run / f"step{step}") for step in STEPS}
    assert manifest.checkpoints == {step: one.weights_sha256 for step, one in own.items()}
    ours = load_checkpoint(kept_run / "step16", "cpu")
    theirs = load_checkpoint(source.parent / "m" / "step16", "cpu")
    assert torch.equal(ours.unembedding, theirs.unembedding)
    for field in ("rows", "dim", "tied", "dtype"):
        assert getattr(ours.manifest, field) == getattr(theirs.manifest, field)


def saved(folder: Path, model: OLMo, tokenizer: str) -> Path:
    """A folder such as the trainer leaves."""
    folder.mkdir()
    TrainConfig(model=model.config, tokenizer=TokenizerConfig(identifier=tokenizer)).save(
        folder / "config.yaml"
    )
    torch.save(model.state_dict(), folder / "model.pt")
    return folder


SECOND = {
    "norm_after": True,
    "layer_norm_type": LayerNormType.rms,
    "layer_norm_with_affine": True,
    "layer_norm_eps": 1e-6,
    "attention_layer_norm": True,
    "attention_layer_norm_with_affine": True,
    "rope_theta": 500_000,
}


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_tying": True},
        {"clip_qkv": 0.05},
        {"n_kv_heads": 2, "mlp_hidden_size": 48},
        SECOND,
        SECOND | {"n_kv_heads": 2, "weight_tying": True},
    ],
    ids=["tied", "clipped", "grouped", "second", "second grouped tied"],
)
def test_models_that_others_train_give_the_same_logits(
    bench: Bench, tmp_path: Path, changes: dict[str, Any]
) -> None:
    ours = model_config(bench.runs[0], "cpu", 0)
    config = ours.update_with(d_model=16, n_heads=4, **changes)
    torch.manual_seed(1)
    olmo = OLMo(config).eval()
    with torch.no_grad():
        for weight in olmo.parameters():
            weight += 0.1 * torch.randn_like(weight)  # norms are all ones otherwise
    loaded = load_olmo(saved(tmp_path / "step1", olmo, "gpt2"))
    tokens = torch.randint(0, 400, (3, 32), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, actual = olmo(tokens).logits, loaded(tokens).logits
    assert torch.allclose(expected, actual, rtol=0, atol=1e-5)
    assert expected.std() > 0.1
    embedding, head = loaded.get_input_embeddings().weight, loaded.get_output_embeddings().weight
    assert (head is embedding) == config.weight_tying


def test_other_precisions_and_safetensors_hold_the_same_model(source: Path) -> None:
    folder = source / STEPS[16]
    expected = load_olmo(folder).state_dict()
    state = torch.load(folder / "model.pt", weights_only=True)
    torch.save({name: weight.bfloat16() for name, weight in state.items()}, folder / "model.pt")
    rounded = load_olmo(folder).state_dict()
    for name, weight in expected.items():
        assert torch.equal(rounded[name], weight.bfloat16().float())
    # preferred to the pickle, which is now another
    state_dict_to_safetensors_file(state, folder / "model.safetensors")
    again = load_olmo(folder).state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in expected.items())


class Payload:
    """What a pickle may do when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, (str(self.folder / "was-here"),))


def test_nothing_that_is_pickled_is_run(source: Path, bench: Bench) -> None:
    state = torch.load(source / STEPS[4] / "model.pt", weights_only=True)
    torch.save(state | {"x": Payload(source)}, source / STEPS[4] / "model.pt")
    # ai2-olmo pickles the names of weights in its safetensors
    spelled = base64.urlsafe_b64encode(pickle.dumps(Payload(source))).decode()
    save_file(state | {spelled: torch.ones(1)}, source / STEPS[16] / "model.safetensors")
    refused = bring_in(source, bench).quarantined
    assert "more than tensors" in refused[4]
    assert f"contains weights that the model lacks ({spelled}" in refused[16]
    assert not (source / "was-here").exists()


def changed_config(folder: Path, **changes: Any) -> None:
    content = yaml.safe_load((folder / "config.yaml").read_text())
    content["model"] |= changes
    (folder / "config.yaml").write_text(yaml.safe_dump(content))


def changed_weights(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    state = torch.load(folder / "model.pt", weights_only=True)
    change(state)
    torch.save(state, folder / "model.pt")


def one_nan(state: dict[str, Any]) -> None:
    state["transformer.blocks.0.ff_proj.weight"][0, 0] = torch.nan


def narrower(state: dict[str, Any]) -> None:
    state["transformer.blocks.1.att_proj.weight"] = torch.zeros(24, 4)


def fewer_rows(state: dict[str, Any]) -> None:
    state["transformer.ff_out.weight"] = state["transformer.ff_out.weight"][:300].clone()


def truncated(folder: Path) -> None:
    weights = folder / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-200])


def sharded(folder: Path) -> None:
    (folder / "model.pt").unlink()
    (folder / "model").mkdir()
    (folder / "model" / "__0_0.distcp").write_bytes(b"")


def weights(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    return lambda folder: changed_weights(folder, change)


def config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: changed_config(folder, **changes)


def text(content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "config.yaml").write_text(content)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (weights(lambda s: s.pop("transformer.ff_out.weight")), "lacks weights .*ff_out"),
        (
            weights(lambda s: s.update({"transformer.wpe.weight": torch.ones(2)})),
            "model lacks .*wpe",
        ),
        (
            weights(lambda s: s.update({"transformer.wte.weight": "x"})),
            "does not map names to weights",
        ),
        (weights(lambda s: s["transformer.wte.weight"].resize_(0)), r"is \(0,\).* 512 rows"),
        (
            weights(lambda s: s.update({k: v.int() for k, v in s.items()})),
            "not a plain floating-point tensor",
        ),
        (weights(one_nan), "up_proj.weight contains a number that is not finite"),
        (weights(narrower), r"q_proj.weight would be \(8, 4\), but config.yaml says \(8, 8\)"),
        (weights(fewer_rows), r"ff_out.weight is \(300, 8\), but config.yaml says 512 rows"),
        (truncated, "model.pt cannot be read; it is damaged or truncated"),
        (sharded, "scripts/unshard.py"),
        (config(d_model=16), "but config.yaml says 48 rows"),
        (config(n_layers=3), "lacks weights .*blocks.2"),
        (config(n_layers=10**9), "says 1000000000 layers, but there are 10 weights"),
        (config(n_heads=0), "which give no valid model"),
        (config(weight_tying=True), "model lacks .*ff_out"),
        (config(rope=False), "exactly equivalent to OLMo with rope=False"),
        (config(include_bias=True), "with include_bias=True"),
        (config(norm_after=True), "with norm_after=True and layer_norm_type=default"),
        (config(layer_norm_type="strange"), "under `model`: Invalid value 'strange'"),
        (config(mlp="wide"), "under `model`: Key 'mlp' not in 'ModelConfig'"),
        (config(d_model="${oc.env:HOME}"), r"under `model`: it has \$\{...\}"),
        (config(vocab_size=300), "has a token 399, but the embedding only 300 rows"),
        (text("optimizer: {}\n"), "no section `model`"),
        (text("model: [\n"), "not YAML"),
        (text("model: !!python/object/apply:os.mkdir [was-here]\n"), "not YAML"),
    ],
)
def test_an_unfit_step_is_set_aside_and_the_others_come_in(
    source: Path, bench: Bench, spoil: Callable[[Path], Any], reason: str
) -> None:
    spoil(source / STEPS[16])
    manifest = bring_in(source, bench)
    assert list(manifest.checkpoints) == [4]
    assert re.search(reason, manifest.quarantined[16]), manifest.quarantined
    assert len(manifest.quarantined[16].splitlines()) == 1
    assert str(source) not in manifest.quarantined[16]


def test_a_model_that_makes_no_number_of_text_is_set_aside(bench: Bench, tmp_path: Path) -> None:
    ours = model_config(bench.runs[0], "cpu", 0)
    folder = tmp_path / "trainer"
    folder.mkdir()
    for step in STEPS.values():
        saved(folder / step, OLMo(ours.update_with(**SECOND)), "gpt2")
    changed_config(folder / STEPS[4], layer_norm_eps=float("nan"))
    manifest = bring_in(folder, bench)
    assert manifest.quarantined == {4: "its loss on text is not a finite number"}


def test_the_tokenizer_is_the_one_named_beside_it_or_shipped(
    source: Path, bench: Bench, tmp_path: Path
) -> None:
    step = source / STEPS[16]
    # our trainer tells OLMo of none, which then writes its default
    refused = bring_in(source, bench, tokenizer=None).quarantined
    assert "ships none named 'gpt2': set `tokenizer: FOLDER`" in refused[16]
    shutil.copy(bench.tokenizer / "tokenizer.json", step)
    alone = bring_in(source, bench, tokenizer=None)
    assert list(alone.checkpoints) == [16] and list(alone.quarantined) == [4]
    checkpoint = load_checkpoint(source.parent / "m" / "step16", "cpu")
    assert checkpoint.manifest.rows == 400
    with pytest.raises(StudyError, match=r"checkpoints\.m\.tokenizer: nowhere is neither"):
        bring_in(source, bench, tokenizer="nowhere")


@pytest.mark.parametrize(
    "identifier", ["tokenizers/allenai_dolma2.json", "allenai/dolma2", "allenai_dolma2"]
)
def test_a_shipped_tokenizer_is_found_however_it_was_spelled(
    tmp_path: Path, bench: Bench, identifier: str
) -> None:
    folder = saved(tmp_path / "step1", OLMo(model_config(bench.runs[0], "cpu", 0)), identifier)
    assert tokenizer_files(folder, None) == shipped_tokenizers()["allenai_dolma2"]
    assert tokenizer_files(folder, "allenai_dolma2") == shipped_tokenizers()["allenai_dolma2"]


def test_a_shipped_tokenizer_ends_texts_as_the_model_was_told(tmp_path: Path, bench: Bench) -> None:
    named = "tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json"
    ours = model_config(bench.runs[0], "cpu", 0)
    vocabulary = {"vocab_size": 50280, "embedding_size": 50304}
    folder = tmp_path / "trainer"
    folder.mkdir()
    for step, ending in zip(STEPS.values(), (50279, 50300), strict=True):
        told: ModelConfig = ours.update_with(**vocabulary, eos_token_id=ending)
        saved(folder / step, OLMo(told), named)
    manifest = bring_in(folder, bench, tokenizer=None)
    assert "the end-of-text token 50300 is not in the tokenizer" in manifest.quarantined[16]
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m" / "step4")
    assert tokenizer.eos_token_id == 50279
    assert read_checkpoint(tmp_path / "m" / "step4").rows == 50280


def test_a_changed_config_or_tokenizer_is_brought_in_again(source: Path, bench: Bench) -> None:
    bring_in(source, bench)
    made = source.parent / "m" / "step16" / "manifest.json"
    first = made.stat().st_mtime_ns
    bring_in(source, bench)
    assert made.stat().st_mtime_ns == first
    changed_config(source / STEPS[16], rope_theta=500)
    bring_in(source, bench)
    assert made.stat().st_mtime_ns != first
    step = read_olmo_step(source / STEPS[16])
    assert (step.model.rope_theta, step.tokenizer) == (500, "gpt2")
