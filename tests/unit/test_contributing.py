"""CONTRIBUTING.md names what is there."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = {"src/disentangle/perturbation/noise_run.py"}


def test_every_file_that_it_names_is_there() -> None:
    text = (ROOT / "docs/CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:src|tests|workflow|docs)/[\w/.]+)`", text))
    assert len(named) > 10
    absent = {name for name in named if not (ROOT / name).exists()}
    assert absent == EXAMPLES


def test_ci_runs_the_gate() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text())["jobs"]["gate"]
    assert any(step.get("run", "").endswith(".ci/run") for step in steps["steps"])
