"""`disentangle.measure_model`: a model outside of a study is measured as the workflow does it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from somebody_elses import PASSAGES, pythia, save_model
from trained import Bench
from transformers import AutoTokenizer, OPTConfig

from disentangle import measure, measure_model
from disentangle.checkpoint.importing import import_run
from disentangle.corpus.documents import read_texts
from disentangle.errors import StudyError
from disentangle.geometry.of_checkpoint import Matrices
from disentangle.geometry.of_matrix import measure_every
from disentangle.study.external import ExternalRun
from disentangle.vocabulary.matrices import KINDS

NAMES = [kind.name for kind in KINDS]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder with a model, and the model."""
    folder = tmp_path_factory.mktemp("theirs")
    return folder, save_model(folder, pythia())


def of_workflow(folder: Path, texts: list[str], max_tokens: int) -> list[dict[str, Any]]:
    matrices = Matrices(folder, max_tokens, 1)
    rows = []
    for kind in KINDS:
        M, numerics = matrices.of(kind, texts if kind.by_domain else None)
        rows.append({"matrix": kind.name, **measure_every(M), "numerics": numerics})
    return rows


def assert_same(found: pd.DataFrame, expected: list[dict[str, Any]]) -> None:
    assert list(found["matrix"]) == [row["matrix"] for row in expected]
    for (_, ours), theirs in zip(found.iterrows(), expected, strict=True):
        numerics = {key: v for key, v in theirs.pop("numerics").items() if key != "sampling"}
        assert json.loads(ours["numerics"]) == numerics
        for name, value in theirs.items():
            both_absent = ours[name] != ours[name] and value != value
            assert ours[name] == value or both_absent, name


def test_a_checkpoint_has_the_workflows_numbers(bench: Bench, trained_run: Path) -> None:
    folder, texts = trained_run / "step16", read_texts(bench.heldout["code"])
    found = measure_model(folder, texts, max_tokens=16)
    assert_same(found, of_workflow(folder, texts, 16))
    assert list(found["rows"]) == [400, 24, 400, found["rows"][3], 400]
    assert found.attrs["missing"] == {}


def test_somebody_elses_model_has_the_numbers_of_its_import(
    model: tuple[Path, Any], tmp_path: Path
) -> None:
    folder, _ = model
    run = ExternalRun("theirs", str(folder), {1: "."}, None, {})
    import_run(
        run, folder=tmp_path, warmed=None, texts=PASSAGES, code_version="", say=lambda line: None
    )
    assert_same(measure_model(folder, PASSAGES), of_workflow(tmp_path / "step1", PASSAGES, 64))


@torch.no_grad()
def test_numbers_are_those_of_the_definitions(model: tuple[Path, Any]) -> None:
    """Against transformers and NumPy alone."""
    folder, made = model
    found = measure_model(str(folder), PASSAGES, max_tokens=8).set_index("matrix")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = [tokenizer(text)["input_ids"][:8] for text in PASSAGES]
    states = [made.gpt_neox(torch.tensor([ids])).last_hidden_state[0, -1] for ids in tokens]
    H = torch.stack(states).double().numpy()
    W = made.lm_head.weight[:21].double().numpy()
    counts = np.bincount(np.concatenate(tokens), minlength=21)
    p = counts / counts.sum()
    X = W * made.gpt_neox.final_layer_norm.weight.double().numpy()
    X = X - X.mean(1, keepdims=True)
    logits = W @ H.T
    logits = logits - logits.mean(0)
    logits = (logits - logits.mean(1, keepdims=True)) / np.sqrt(len(H))
    information = np.linalg.eigvalsh(X.T @ (np.diag(p) - np.outer(p, p)) @ X)[::-1]
    expected = {
        "W": np.linalg.svd(W, compute_uv=False),
        "H": np.linalg.svd(H, compute_uv=False),
        "Wproj": np.linalg.svd(X - X.mean(0), compute_uv=False),
        "Wfisher": np.sqrt(np.clip(information, 0, None)),
        "Wlogit": np.linalg.svd(logits, compute_uv=False)[:12],
    }
    assert list(expected) == NAMES
    for name, sigma in expected.items():
        measured = np.array(found.loc[name, "singular_values"])
        assert np.allclose(measured, sigma, rtol=1e-4, atol=1e-5 * sigma[0]), name
    assert found.loc["W", "effective_rank"] == measure(folder)["effective_rank"]
    assert list(found["rows"]) == [21, 30, 21, (counts > 0).sum(), 21]
    assert found.loc["W", "embedding_cosine"] == pytest.approx(
        np.mean(cosines(W, made.gpt_neox.embed_in.weight[:21].double().numpy())), abs=1e-6
    )


def cosines(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)


def test_a_model_of_an_unknown_last_norm_has_the_other_matrices(tmp_path: Path) -> None:
    shape = {"vocab_size": 32, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    narrow = OPTConfig(
        **shape, ffn_dim=16, word_embed_proj_dim=8, do_layer_norm_before=False,
        max_position_embeddings=64, pad_token_id=1, bos_token_id=2, eos_token_id=2,
    )  # fmt: skip
    save_model(tmp_path, narrow)
    found = measure_model(tmp_path, PASSAGES)
    assert list(found["matrix"]) == ["W", "H", "Wlogit"]
    missing = found.attrs["missing"]
    assert list(missing) == ["Wproj", "Wfisher"]
    assert missing["Wproj"].startswith("Wproj is not known: its head reads the output of Linear")


def test_what_cannot_be_measured_of_such_passages_is_missing(model: tuple[Path, Any]) -> None:
    found = measure_model(model[0], ["a a a", "a a a"])  # one token, one state
    assert list(found["matrix"]) == ["W", "H", "Wproj"]
    assert set(found.attrs["missing"]) == {"Wfisher", "Wlogit"}
    assert "entries are zero" in found.attrs["missing"]["Wlogit"]


@pytest.mark.parametrize(
    ("texts", "max_tokens", "fault"),
    [
        (PASSAGES, 1, "1 tokens of each passage are too few"),
        (PASSAGES, 65, r"reads at most 64 tokens, .* --max-tokens 64 \(or max_tokens=64\)"),
        (["a b"], 8, "1 of 1 passages have a token"),
        (["a b", "", "  "], 8, "1 of 3 passages have a token"),
        ([], 8, "0 of 0 passages have a token"),
        ("a b", 8, "one string; give a list"),
    ],
)
def test_text_that_cannot_be_read_is_said(
    model: tuple[Path, Any], texts: Any, max_tokens: int, fault: str
) -> None:
    with pytest.raises(StudyError, match=fault):
        measure_model(model[0], texts, max_tokens=max_tokens)


def test_models_that_cannot_be_loaded_are_said(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    save_model(whole, pythia())

    def refused(name: str, fault: str) -> None:
        with pytest.raises(StudyError, match=fault):
            measure_model(tmp_path / name, PASSAGES)

    def changed(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for path in whole.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    for path in changed("mute").glob("tokenizer*"):
        path.unlink()
    refused("mute", "mute cannot read text: there is no tokenizer")
    coded = changed("coded") / "config.json"
    own = {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "own.Model"}}
    coded.write_text(json.dumps(json.loads(coded.read_text()) | own))
    coded.with_name("own.py").write_text("raise SystemExit('it ran')")
    refused("coded", "does not know .strange., and the code that comes with it")
    weights = load_file(changed("sick") / "model.safetensors")
    weights["embed_out.weight"][3, 4] = np.nan
    save_file(weights, tmp_path / "sick" / "model.safetensors", {"format": "pt"})
    refused("sick", "W of .*sick: 1 NaN .* row 3, column 4")
    linked = changed("linked") / "model.safetensors"
    linked.unlink()
    linked.symlink_to(whole / "model.safetensors")
    refused("linked", "link to outside of its folder")
    (tmp_path / "run" / "step4").mkdir(parents=True)
    refused("run", "holds several checkpoints; name one: step4")
    refused("absent/model", "There is no .*absent/model")


def test_a_checkpoint_that_is_not_its_manifests_is_said(own_run: Path) -> None:
    weights = load_file(own_run / "step16" / "model.safetensors")
    save_file({n: w + 1 for n, w in weights.items()}, own_run / "step16" / "model.safetensors")
    with pytest.raises(StudyError, match=r"measured: model\.safetensors was changed") as said:
        measure_model(own_run / "step16", ["a b", "c d"])
    assert "The study continues" not in str(said.value)


def test_without_transformers_it_says_what_to_install(model: tuple[Path, Any]) -> None:
    program = (
        "import sys; sys.modules['transformers'] = None\n"
        "from disentangle import measure_model\n"
        "from disentangle.errors import StudyError\n"
        "try: measure_model(sys.argv[1], ['a', 'b'])\n"
        "except StudyError as fault: print(fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, model[0]], capture_output=True, text=True, check=True
    )
    assert "is not installed" in done.stdout and "'disentangle[train]'" in done.stdout
