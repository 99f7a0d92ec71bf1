"""Public suites as study files: each expands, is planned, and says what it lacks offline."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from disentangle.study import read_config
from disentangle.study.grid import external_runs

ROOT = Path(__file__).parents[2]
MODELS = {"pythia": 5, "polypythias": 46, "olmo": 3, "datadecide": 20, "gemstones": 16}
"""Study to its number of models."""
LENGTHS = (2048, 4096)
"""Tokens in the sequences that these suites were trained on."""


def study(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "studies" / f"{name}.yaml").read_text())
    return content


def snakemake(
    folder: Path, name: str, target: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    (folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    command = [
        *(str(Path(sys.executable).with_name("snakemake")), target),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--cores", "1"),
        *("--configfile", str(ROOT / "studies" / f"{name}.yaml")),
    ]
    own = {"HF_HOME": str(folder / "hub"), "HF_HUB_DISABLE_XET": "1"}
    inherited = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=inherited | own | environment
    )


@pytest.mark.parametrize("name", MODELS)
def test_what_is_said_of_each_model_agrees_with_itself(name: str) -> None:
    models = study(name)["checkpoints"]
    assert len(models) == MODELS[name]
    assert len({model["source"] for model in models.values()}) == len(models), "each once"
    for model in models.values():
        known, step = model["covariates"], max(model["revisions"])
        assert model["tokens_per_step"] / known["batch_size"] in LENGTHS
        budget = str(known["tokens_budget"])
        powers = {"B": 1e9, "T": 1e12}
        tokens = float(budget.rstrip("BT")) * powers.get(budget[-1], 1)
        assert 0.95 * tokens < step * model["tokens_per_step"] < 1.01 * tokens
        for at, revision in model["revisions"].items():
            assert str(at) in revision


def test_seeds_of_one_size_are_repeats() -> None:
    whole: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(whole, study("polypythias"))
    runs = external_runs(read_config(whole))
    sizes = Counter(run.covariates()["size"] for run in runs)
    assert sizes == {"14M": 10, "31M": 10, "70M": 10, "160M": 16}
    seeds = Counter(
        (run.covariates()["size"], run.covariates()["init_seed"], run.covariates()["data_seed"])
        for run in runs
    )
    assert set(seeds.values()) == {1}
    alone = [(init, data) for size, init, data in seeds if size == "160M" and init != data]
    assert Counter(init for init, _ in alone) == {1234: 3, 101: 1, 102: 1, 103: 1}
    assert Counter(data for _, data in alone) == {1234: 3, 101: 1, 102: 1, 103: 1}
    others = ("batch_size", "weight_decay", "tokens_budget", "final_lr")
    assert len({tuple(run.covariates()[name] for name in others) for run in runs}) == 1


@pytest.mark.parametrize("name", MODELS)
def test_it_is_planned(name: str, tmp_path: Path) -> None:
    planned = snakemake(tmp_path, name, "plan")
    assert planned.returncode == 0, planned.stderr
    shown = planned.stdout + planned.stderr
    assert "Traceback" not in shown
    assert str(MODELS[name]) in shown


@pytest.mark.parametrize("name", MODELS)
def test_without_a_network_it_says_so_on_one_screen(name: str, tmp_path: Path) -> None:
    refused = snakemake(tmp_path, name, "warm", HF_ENDPOINT="http://127.0.0.1:9")
    assert refused.returncode != 0
    message = refused.stderr.split("warm stopped:")[1].split("\n\n")[0]
    first = min(study(name)["checkpoints"])
    assert study(name)["checkpoints"][first]["source"].removeprefix("hf:") in message
    assert "the hub cannot be reached" in message
    assert "Traceback" not in refused.stderr
    assert len(message.splitlines()) < 12
