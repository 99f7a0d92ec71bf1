"""A reader of the documentation: a clone with a finished study, who types what a page says."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import yaml
from pages import Block
from tiny_study import BIN, ROOT

sys.path.insert(0, str(ROOT / "tests" / "unit" / "observations"))
sys.path.insert(0, str(ROOT / "tests" / "unit" / "archive"))
from a_suite import MAPPING, suite
from an_archive import write
from test_publish import archive_of, crate

from disentangle.commands.__main__ import main
from disentangle.parquet import read_parquet, write_parquet

__all__ = ["MAPPING", "Reader", "lay_out_clone", "suite"]

IN_THIS_PROCESS = ("measure", "compare", "observations", "publish", "status", "check", "add")
"""Commands that need no process of their own; the others become Snakemake."""


class Reader:
    """Types what a page says in a folder of their own.

    Args:
        clone: what they begin with, as `lay_out_clone` makes it; it is copied.
        folder: where to; it does not exist.
        names: what blocks of Python find, by name.
        plans_only: whether jobs are planned and not run, however Snakemake is started.
    """

    def __init__(
        self, clone: Path, folder: Path, names: dict[str, Any], *, plans_only: bool
    ) -> None:
        shutil.copytree(clone, folder, symlinks=True)  # file times go along
        self.folder, self.plans_only = folder, plans_only
        if plans_only:
            with (folder / "profiles" / "default" / "config.yaml").open("a") as profile:
                profile.write("dry-run: true\n")
        self.names = {"__name__": "__main__", **names}

    def write(self, block: Block, overlay: str = "") -> None:
        """Write a block into the file that its first line names.

        Args:
            block: the block.
            overlay: more of a study file, which takes no keys that the block has.
        """
        file = self.folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text + overlay)
        if file.suffix == ".yaml":
            assert isinstance(yaml.safe_load(file.read_text()), dict)

    def run_python(self, block: Block) -> str:
        """Run a block in the names that those before it have left; what it prints."""
        said = StringIO()
        with redirect_stdout(said):
            exec(compile(block.text, "a block of Python", "exec"), self.names)
        return said.getvalue()

    def run(self, command: str) -> str:
        """Give a command; what it prints.

        Raises:
            AssertionError: if it fails, with what it said.
        """
        words = shlex.split(command) if command.startswith("disentangle ") else []
        if words[1:] and words[1] in IN_THIS_PROCESS:
            said = StringIO()
            with redirect_stdout(said):
                assert main(words[1:]) == 0, command
            return said.getvalue()
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": _packages()},
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout


def _packages() -> str:
    return os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])


def lay_out_clone(finished: Path, folder: Path) -> Path:
    """A clone with all that pages name.

    Args:
        finished: the tiny study, finished; it is copied.
        folder: where; it does not exist.
    """
    shutil.copytree(finished, folder)
    for name in ("docs", "examples", "tests", "benchmarks", "src", "CITATION.cff"):
        (folder / name).symlink_to(ROOT / name)
    _lay_out_environment(folder)
    _lay_out_studies(folder)
    _lay_out_models(folder)
    _lay_out_tables(folder)
    return folder


LOCKS = ("requirements.lock", "requirements-test.lock", "requirements-docs.lock")


def _lay_out_environment(folder: Path) -> None:
    """The environment of `make install`, which then has nothing to do."""
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(BIN.parent / name)
    for name in (".installed", ".installed-test"):
        (folder / ".venv" / name).touch()


def _lay_out_studies(folder: Path) -> None:
    """The tiny study under the names of pages, and a small corpus."""
    shutil.copytree(ROOT / "studies", folder / "studies")
    for name in ("mine", "small", "large", "wide"):
        shutil.copyfile(folder / "tiny.yaml", folder / "studies" / f"{name}.yaml")
    for name in ("mine", "mini108", "paper", "seeds"):
        (folder / "results" / name).symlink_to("tiny")
    shutil.copytree(folder / "results/tiny/tables", folder / "results/demo/tables")
    observations = folder / "results/demo/tables/observations.parquet"
    rows = read_parquet(observations)  # fewer variants, since pages estimate all that there are
    write_parquet(rows.filter(pc.equal(rows["variant"], "base")), observations)
    for name in ("train", "heldout"):
        file = folder / "data" / name / "1.jsonl"
        file.parent.mkdir(parents=True)
        texts = [f"In {name}, document {number} of many." for number in range(50)]
        file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def _lay_out_models(folder: Path) -> None:
    """A model in all places where pages have one, and text to read with it."""
    model = next(folder.glob("results/tiny/checkpoints/2K_*/step16"))
    steps = [f"path/to/steps/step{step}" for step in (1000, 2000)]
    for name in ("path/to/model", *steps, "models/one", "models/other"):
        shutil.copytree(model, folder / name, ignore=shutil.ignore_patterns("manifest.json"))
        config = folder / name / "config.json"
        longer = json.loads(config.read_text()) | {"max_position_embeddings": 128}
        config.write_text(json.dumps(longer))
    passages = [f"Passage {number} is about {word}." for number, word in enumerate("abcdefgh")]
    (folder / "passages.txt").write_text("\n\n".join(passages))


def _lay_out_tables(folder: Path) -> None:
    """Tables, results of the harness and archives of others."""
    table = suite()
    table["lambada_acc"] = 1 / (1 + table["pile"])
    table.to_csv(folder / "data" / "suite.csv", index=False)
    runs = ["70m", "160m"]
    pd.DataFrame({"run": runs, "W_effective_rank": [300.0, 500.0]}).to_csv(
        folder / "data" / "pythia.csv", index=False
    )
    for run in runs:
        for path in (
            f"evals/{run}/a_step3000.json",
            f"evals/pythia-v1/pythia-{run}/zero-shot/a_step3000.json",
        ):
            result = folder / path
            result.parent.mkdir(parents=True, exist_ok=True)
            scores = {"piqa": {"acc": 0.6}, "lambada_openai": {"ppl": 20.0, "ppl_stderr": 0.5}}
            config = {"model_args": f"pretrained={run}"}
            result.write_text(json.dumps({"results": scores, "config": config}))
    write(folder / "mine.crate.zip")
    shutil.copyfile(ROOT / "src/disentangle/archive/verify.py", folder / "verify.py")
    (folder / "results/tiny/archive").mkdir()
    archive_of(folder / "results/tiny/archive/mine.crate.zip", crate())
