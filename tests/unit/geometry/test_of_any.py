"""`disentangle.measure`: what it takes, and that a folder's W is what transformers has for it."""

import doctest
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    FalconConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    PreTrainedTokenizerFast,
)

import disentangle
from disentangle import measure
from disentangle.checkpoint.unembedding import read_unembedding
from disentangle.errors import StudyError
from disentangle.geometry import of_any
from disentangle.geometry.matrix import MatrixError
from disentangle.geometry.of_matrix import measure_matrix

M = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
OURS = measure_matrix(M, "M")


def backwards() -> np.ndarray:
    return M.numpy()[::-1, ::-1].copy()[::-1, ::-1]


def read_only() -> np.ndarray:
    array = M.numpy().copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "given",
    [
        M,
        M.clone().requires_grad_(),
        M.numpy(),
        M.numpy().astype(">f4"),
        backwards(),
        read_only(),
        pd.DataFrame(M.numpy()),
    ],
    ids=["tensor", "grad", "array", "big endian", "strides", "read only", "table"],
)
@pytest.mark.filterwarnings("error")
def test_a_matrix_is_taken_in_any_form(given: Any) -> None:
    found = measure(given)
    assert found.keys() == OURS.keys()
    for name, value in OURS.items():
        assert found[name] == pytest.approx(value, rel=1e-12, nan_ok=True), name


def test_the_example_of_its_docstring_is_true() -> None:
    failed, tried = doctest.testmod(of_any)
    assert (failed, tried > 0) == (0, True)


def test_lists_are_matrices() -> None:
    assert measure([[1.0, 0.0], [0.0, 1.0]])["effective_rank"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ([[1, 2], [3, 4]], "int64 is not a real floating-point type"),
        (np.eye(3, dtype=complex), "complex128 is not a real floating-point type"),
        (np.eye(3, dtype=np.longdouble), "make it float64"),
        ([["a"]], "is not a real floating-point type"),
        (np.ones(3), "a matrix has 2 dimensions, this has 1"),
        (np.full((2, 2), np.nan), "4 NaN"),
        (np.zeros((2, 2)), "all 2 x 2 entries are zero"),
    ],
)
def test_what_is_no_matrix_is_said(given: Any, fault: str) -> None:
    with pytest.raises(MatrixError, match=fault):
        measure(given)
    with pytest.raises(ValueError, match=fault):
        measure(given)


def test_a_file_is_taken_by_path_or_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=M.numpy(), b=np.eye(3))
    for path in (tmp_path / "two.npz", str(tmp_path / "two.npz")):
        assert str(measure(path, tensor="a")) == str(OURS)
    with pytest.raises(StudyError, match=r"tensor='a' is for a file"):
        measure(M, tensor="a")


def test_metrics_of_ones_own_are_measured_beside_ours() -> None:
    def last(singular_values: np.ndarray) -> float:
        return singular_values[-1]

    def mean(matrix: np.ndarray) -> float:
        assert matrix.shape == (30, 6)
        return matrix.mean()

    found = measure(M, metrics=[last, mean])
    assert found["last"] == found["singular_values"][-1]
    assert found["mean"] == pytest.approx(M.double().mean().item())
    assert found["mean_centered"] == pytest.approx(0, abs=1e-12)
    assert str({name: found[name] for name in OURS}) == str(OURS)


def rows(matrix: Any) -> float:
    return 1.0


def takes_two(matrix: Any, more: Any) -> float:
    return 1.0


def fails(matrix: Any) -> float:
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (rows, "rows is the name of a column of ours"),
        (takes_two, "called matrix or singular_values"),
        (lambda matrix: 1.0, "named function"),
        (fails, "ZeroDivisionError: by nothing"),
    ],
)
def test_metrics_that_cannot_be_are_said(function: Callable[[Any], float], fault: str) -> None:
    with pytest.raises(StudyError, match=fault):
        measure(M, metrics=[function])


SHAPE = {"vocab_size": 32, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
CONFIGS = {
    "untied": LlamaConfig(**SHAPE, intermediate_size=8, tie_word_embeddings=False),
    "tied": LlamaConfig(**SHAPE, intermediate_size=8, tie_word_embeddings=True),
    "NeoX": GPTNeoXConfig(**SHAPE, intermediate_size=8),
    "GPT-2": GPT2Config(vocab_size=32, n_embd=8, n_layer=1, n_head=2),
    "Falcon": FalconConfig(**SHAPE),
    "Mamba": MambaConfig(vocab_size=32, hidden_size=8, num_hidden_layers=1, state_size=4),
}


def saved(folder: Path, config: Any, *, tokens: int | None = 27, **how: Any) -> Path:
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder, **how)
    if tokens:
        known = Tokenizer(models.WordLevel({str(i): i for i in range(tokens - 2)}, unk_token="0"))
        known.add_special_tokens(["<s>", "</s>"])
        PreTrainedTokenizerFast(tokenizer_object=known).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_unembedding_is_what_transformers_has(tmp_path: Path, kind: str) -> None:
    folder = saved(tmp_path, CONFIGS[kind])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    used = len(AutoTokenizer.from_pretrained(folder))
    assert used == 27
    torch.testing.assert_close(
        read_unembedding(folder), model.get_output_embeddings().weight[:used], rtol=0, atol=0
    )


def test_all_rows_are_taken_where_nothing_says_which_are_in_use(tmp_path: Path) -> None:
    assert measure(saved(tmp_path, CONFIGS["untied"], tokens=None))["rows"] == 32


def test_a_tokenizer_of_more_tokens_than_rows_is_anothers(tmp_path: Path) -> None:
    assert measure(saved(tmp_path, CONFIGS["untied"], tokens=40))["rows"] == 32


def test_weights_in_several_files_are_one_model(tmp_path: Path) -> None:
    folder = saved(tmp_path, CONFIGS["untied"], max_shard_size="1KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert (measure(folder)["rows"], measure(folder)["dim"]) == (27, 8)
    assert measure(folder, tensor="model.embed_tokens.weight")["rows"] == 32


def test_a_pickled_model_is_read_by_transformers(tmp_path: Path) -> None:
    folder = saved(tmp_path, CONFIGS["untied"])
    wanted = measure(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert str(measure(folder)) == str(wanted)


def test_a_model_that_does_not_show_its_unembedding_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    save_file({"a": M, "b": M.clone()}, tmp_path / "model.safetensors")
    with pytest.raises(StudyError, match=r"does not show .* tensor=NAME\)\. Matrices are: a, b"):
        measure(tmp_path)
    assert str(measure(tmp_path, tensor="a")) == str(OURS)
    with pytest.raises(StudyError, match="has no tensor c; matrices are: a, b"):
        measure(tmp_path, tensor="c")


@pytest.mark.parametrize(
    ("config", "weights", "fault"),
    [
        (
            {"tie_word_embeddings": True},
            ["lm_head", "model.embed_tokens"],
            "but lm_head.weight differs",
        ),
        ({"tie_word_embeddings": False}, ["model.embed_tokens"], "does not show"),
        ({}, ["a.lm_head", "b.lm_head"], "does not show"),
    ],
)
def test_a_configuration_that_its_weights_contradict_is_said(
    tmp_path: Path, config: dict[str, bool], weights: list[str], fault: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    tensors = {f"{name}.weight": M + i for i, name in enumerate(weights)}
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(StudyError, match=fault):
        measure(tmp_path)


def test_damaged_files_are_said(tmp_path: Path) -> None:
    folder = saved(tmp_path, CONFIGS["untied"])
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(StudyError, match=r"tokenizer\.json is not a tokenizer"):
        measure(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(StudyError, match=r"config\.json does not describe a model"):
        measure(folder)
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(StudyError, match="cannot be read as tensors"):
        measure(folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(StudyError, match="is an adapter"):
        measure(folder)


def test_a_checkpoint_of_ours_must_be_what_its_manifest_says(own_run: Path) -> None:
    step = own_run / "step16"
    assert (measure(step)["rows"], measure(step)["dim"]) == (400, 8)
    (step / "config.json").write_text("{}")
    with pytest.raises(StudyError, match=r"config\.json was changed"):
        measure(step)
    weights = load_file(step / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, step / "model.safetensors")
    with pytest.raises(StudyError, match=r"model\.safetensors was changed"):
        measure(step)


def test_the_package_names_both_functions_and_imports_neither() -> None:
    assert {"analyze", "measure"} <= set(dir(disentangle))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        disentangle.nothing  # noqa: B018
    program = (
        "import sys, disentangle; assert not {'torch', 'pandas', 'numpy'} & sys.modules.keys()\n"
        "from disentangle import analyze, measure\n"
        "extras = {'datasets', 'lm_eval', 'olmo', 'snakemake', 'tokenizers', 'transformers'}\n"
        "assert not extras & sys.modules.keys(), extras & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
