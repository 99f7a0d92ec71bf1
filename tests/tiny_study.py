"""The tiny study: laying it out as a clone has it, and telling two outcomes of it apart."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from safetensors.numpy import load_file, save_file

from disentangle.storage import sha256_of

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SOURCES = ("Snakefile", "config.yaml", "workflow", "profiles", "slurm")
REPEATABLE = (
    *("checkpoints", "geometry", "evaluation", "observations", "missing"),
    *("associations", "regressions", "saturation", "leakage"),
    *("anomalies", "agreement", "effects", "noise"),
    *("claims", "claim_tests", "counterexamples", "calibration"),
)


def command(*arguments: str) -> list[str]:
    """What `make run` runs."""
    python = str(BIN / "python")
    return [
        *(python, "-m", "disentangle.running", "tiny.yaml", "--"),
        *(str(BIN / "snakemake"), "--nolock", "--cores", "2", "--configfile", "tiny.yaml"),
        *arguments,
    ]


WORKFLOW = (
    *("src", "envs", "Makefile", "pyproject.toml", "requirements.lock", ".gitignore"),
    *("CITATION.cff", "LICENSE", "README.md"),
)
"""What a clone has beside `SOURCES`, as far as an archive has a use for it."""


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout


def commit(folder: Path) -> None:
    """Make a folder that was laid out the clone of a workflow with one commit."""
    for name in WORKFLOW:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The workflow")


def lay_out(folder: Path) -> Path:
    """The workflow's files in a folder of its own, as a clone has them."""
    folder.mkdir(exist_ok=True)
    for name in SOURCES:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    shutil.copyfile(ROOT / "tests" / "tiny.yaml", folder / "tiny.yaml")
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "results" / "tiny" / "tables" / f"{name}.parquet")


def fingerprints(folder: Path) -> dict[str, str]:
    """Hashes of all that must not depend on how often a study was interrupted."""
    results = folder / "results" / "tiny"
    files = [results / "tables" / f"{name}.parquet" for name in REPEATABLE]
    files += sorted(results.glob("checkpoints/*/step*/model.safetensors"))
    files += sorted(results.glob("perturbed/*/*/step*/model.safetensors"))
    return {path.relative_to(results).as_posix(): sha256_of(path) for path in files}


def register_a_model(folder: Path) -> None:
    """Put a model that is like none of the finished study beside it, and into its file."""
    made = next(folder.glob("results/tiny/checkpoints/2K_*/step16"))
    shutil.copytree(made, folder / "model")
    weights = load_file(folder / "model" / "model.safetensors")
    weights["lm_head.weight"] *= np.linspace(0.5, 2, 8, dtype=np.float32)
    save_file(weights, folder / "model" / "model.safetensors", metadata={"format": "pt"})
    study = yaml.safe_load((folder / "tiny.yaml").read_text())
    study["checkpoints"] = {"mine": {"source": "model", "revisions": {7: "."}}}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
