"""A study that takes its text from the hub: fetched by one rule, and offline after it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from stand_in_hub import COMMIT, stand_in_hub

ROOT = Path(__file__).parents[2]
TARGETS = ("tokens/manifest.json", "tables/leakage.parquet")


def snakemake(folder: Path, study: dict[str, Any], *arguments: str, **environment: str):
    """Run targets of a study in a folder, with a hub cache of its own."""
    overlay = folder / "study.yaml"
    overlay.write_text(yaml.safe_dump(study))
    (folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    command = [
        str(Path(sys.executable).with_name("snakemake")),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *("--configfile", str(ROOT / "tests" / "tiny.yaml"), str(overlay), "--cores", "1"),
    ]
    own = {"HF_HOME": str(folder / "hub"), "HF_HUB_DISABLE_XET": "1"}
    inherited = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=inherited | own | environment,
    )


def study_of(train: str, heldout: str) -> dict[str, Any]:
    held = {"source": heldout, "passages": 8, "max_chars": 400}
    return {
        "study": "hubbed",
        "corpus": {"train": [train], "limit": None, "shards": 2, "heldout": {"id": held}},
        "tokenizer": {"name": "allenai_gpt-neox-olmo-dolma-v1_5", "vocab_size": 50280},
        "geometry": {"representations": {"domains": ["id"]}},
        "perturbation": {"quantize": None, "finetune": {"code": None}},
    }


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    texts = [" ".join(f"word{k}" for k in range(i, i + 20)) for i in range(40)]
    lines = [json.dumps({"text": text, "meta": {}}) + "\n" for text in texts]
    table = tmp_path / "a.parquet"
    pq.write_table(pa.table({"content": [*texts[:3], "another text"]}), table)
    return {
        "train/00.jsonl.zst": pa.compress("".join(lines).encode(), codec="zstd", asbytes=True),
        "python/a.parquet": table.read_bytes(),
        "README.md": b"# not needed",
    }


def test_text_is_fetched_once_and_everything_after_is_offline(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    study = study_of("hf:own/er@main?files=train/*", "hf:own/er@main?files=python/*&text=content")
    targets = [f"results/hubbed/{target}" for target in TARGETS]
    with stand_in_hub({"own/er": files}) as address:
        warmed = snakemake(tmp_path, study, "warm", HF_ENDPOINT=address)
    assert warmed.returncode == 0, warmed.stderr
    assert "warm: fetching 0.00 GB, of 0.00 GB in 2 revisions" in warmed.stdout + warmed.stderr
    record = json.loads((tmp_path / "results/hubbed/hub.json").read_text())["items"]
    assert [list(item["files"]) for item in record] == [
        ["train/00.jsonl.zst"],
        ["python/a.parquet"],
    ]
    assert {item["commit"] for item in record} == {COMMIT}
    assert record[0]["bytes"] == len(files["train/00.jsonl.zst"])

    # a hub that would answer wrongly, were it asked
    done = snakemake(tmp_path, study, *targets, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / targets[0]).read_text())
    source = f"hf:own/er@{COMMIT}?files=train/*"
    assert manifest["sources"][source]["documents"] == 40
    leakage = {row["domain"]: row for row in pq.read_table(tmp_path / targets[1]).to_pylist()}
    assert leakage["id"]["passage_overlap"] == 3 / 4
    again = snakemake(tmp_path, study, "-n", *targets)
    assert "Nothing to be done" in again.stdout

    # what only concerns the held-out text tokenises nothing anew
    study["corpus"]["heldout"]["id"]["passages"] = 2
    planned = snakemake(tmp_path, study, "-n", *targets)
    assert "gather_passages" in planned.stdout and "find_overlap" in planned.stdout
    assert "tokenize_shard" not in planned.stdout and "warm" not in planned.stdout


@pytest.mark.parametrize(
    ("train", "needed"),
    [
        ("set:starcoder-python@main", ["is gated", "The Stack", "hf auth login", "HF_TOKEN"]),
        ("hf:own/other@main", ["it does not exist, or it is private", "hf auth login"]),
        ("hf:own/er@v9", ["own/er has no revision v9"]),
        ("hf:own/er@main?files=test/*", ["no file like test/*"]),
    ],
)
def test_what_cannot_be_fetched_is_one_screen(
    tmp_path: Path, files: dict[str, bytes], train: str, needed: list[str]
) -> None:
    repos = {"own/er": files, "bigcode/starcoderdata": files}
    with stand_in_hub(repos, gated=("bigcode/starcoderdata",)) as address:
        refused = snakemake(tmp_path, study_of(train, "stdlib-python"), "warm", HF_ENDPOINT=address)
    assert refused.returncode != 0
    message = refused.stderr.split("warm stopped:")[1].split("\n\n")[0]
    for part in needed:
        assert part in message
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "results/hubbed/hub.json").exists()


def test_no_network_is_one_screen(tmp_path: Path) -> None:
    study = study_of("set:pile@main", "set:dolma-100@main")
    refused = snakemake(tmp_path, study, "warm", HF_ENDPOINT="http://127.0.0.1:9")
    assert refused.returncode != 0
    assert (
        "monology/pile-uncopyrighted at revision main: the hub cannot be reached" in refused.stderr
    )


def test_a_study_that_names_no_hub_warms_nothing(tmp_path: Path) -> None:
    planned = snakemake(tmp_path, {"study": "tiny"}, "-n")
    assert planned.returncode == 0, planned.stderr
    assert "warm" not in planned.stdout and "shard" not in planned.stdout


def test_the_papers_study_is_planned(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    paper = yaml.safe_load((ROOT / "studies" / "paper.yaml").read_text())
    planned = subprocess.run(
        [
            str(Path(sys.executable).with_name("snakemake")),
            *("-n", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)),
            *("--configfile", str(ROOT / "studies" / "paper.yaml"), "--cores", "1"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert planned.returncode == 0, planned.stderr
    jobs = dict(
        line.split()
        for line in planned.stdout.rsplit("Job stats:", 1)[1].split("\n\n")[0].splitlines()
        if line.split()[-1:] and line.split()[-1].isdigit()
    )
    assert jobs["pretrain"] == "108"
    assert jobs["tokenize_shard"] == jobs["find_overlap"] == str(paper["corpus"]["shards"])
    assert jobs["warm"] == jobs["join_shards"] == jobs["take_tokenizer"] == "1"
