"""The conda environment has the lock's versions, and the lock is the one that pip installs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from disentangle.archive.crate import runs_studies

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


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def workflow_requirements() -> list[Requirement]:
    """What a study is run with: the library and both extras."""
    extras = project()["optional-dependencies"]
    spelled = [*project()["dependencies"], *extras["train"], *extras["workflow"]]
    return [Requirement(one) for one in spelled]


def test_the_library_pins_nothing() -> None:
    """It stands beside what somebody else's project pins."""
    for one in map(Requirement, project()["dependencies"]):
        assert {s.operator for s in one.specifier} <= {">=", "<"}, one
        assert one.specifier, f"{one} has no least version"


def test_the_lock_is_what_the_package_asks_for() -> None:
    versions = {
        canonicalize_name(line.split("==")[0]): re.split(r"==|\s", line)[1]
        for line in locked("requirements.lock")
    }
    torch = re.search(r"^TORCH := torch==(\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert torch is not None
    versions["torch"] = torch[1]
    for one in workflow_requirements():
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_an_archive_names_what_studies_are_run_with() -> None:
    extras = project()["optional-dependencies"]
    # as the metadata of an installed package has them
    required = [Requirement(one) for one in project()["dependencies"]] + [
        Requirement(f"{one}; extra == '{extra}'") for extra, ones in extras.items() for one in ones
    ]
    named = {one.name for one in required if runs_studies(one)}
    assert named == {one.name for one in workflow_requirements()}
    assert "pytest" not in named


def test_make_lock_resolves_both_extras() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (compiled,) = re.findall(r"^COMPILE := (.*)$", makefile, re.MULTILINE)
    assert set(re.findall(r"--extra (\w+)", compiled)) == {"train", "workflow"}


def test_what_tests_install_agrees_with_the_lock() -> None:
    # a version may be for more machines there
    studies, tests = (
        {line.partition(" ;")[0] for line in locked(name)}
        for name in ("requirements.lock", "requirements-test.lock")
    )
    assert studies <= tests


def test_what_makes_the_site_is_locked() -> None:
    text = tomllib.loads((ROOT / "pyproject.toml").read_text())
    docs = locked("requirements-docs.lock")
    assert set(text["dependency-groups"]["docs"]) <= docs
    makefile = (ROOT / "Makefile").read_text()
    assert "uv pip compile --group docs -c requirements.lock" in makefile
    assert "make docs\n" in (ROOT / ".ci" / "run").read_text()
