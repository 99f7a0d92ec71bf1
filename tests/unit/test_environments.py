"""The conda environment has the lock's versions, and the lock is the one that pip installs."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def locked(name: str) -> set[str]:
    """Requirements of a lock file, markers included, hashes not."""
    lines = re.findall(r"^[\w.-]+==.*$", (ROOT / name).read_text(), re.MULTILINE)
    return {line.rstrip("\\").strip() for line in lines}


def test_the_conda_environment_is_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "envs" / "disentangle.yaml").read_text())
    *_, pip = environment["dependencies"]
    torch = re.search(r"torch==\S+", (ROOT / "Makefile").read_text())
    assert torch is not None
    assert set(pip["pip"]) == locked("requirements.lock") | {torch.group()}


def test_the_lock_has_what_the_package_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {re.sub(r"\[.*?\]", "", p) for p in project["dependencies"] if "==" in p}
    versions = {line.split(" ")[0] for line in locked("requirements.lock")}
    assert pinned - versions == {next(p for p in pinned if p.startswith("torch=="))}


def test_what_tests_install_agrees_with_the_lock() -> None:
    assert locked("requirements.lock") <= locked("requirements-test.lock")
