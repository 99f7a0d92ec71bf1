"""Packages of the lock as text: as installed, as recorded, or refused."""

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from disentangle.corpus.python_packages import (
    describe_package,
    fault_of_package,
    locked_versions,
    read_package,
)
from disentangle.corpus.sources import describe_source, read_source
from disentangle.errors import StudyError


def test_modules_come_in_order_and_without_tests() -> None:
    texts = list(read_package("mpmath"))
    folder = Path(str(distribution("mpmath").locate_file("mpmath")))
    modules = [path for path in folder.rglob("*.py") if "tests" not in path.parts]
    assert len(texts) == len(modules) > 50
    assert texts[0] == (folder / "__init__.py").read_text(encoding="utf-8")
    assert list(read_source("python-packages:mpmath")) == [t.strip() for t in texts if t.strip()]


def test_version_and_licence_are_recorded() -> None:
    described = describe_source("python-packages:sympy")
    assert described["version"] in locked_versions()["sympy"]
    assert "BSD" in described["licence"]


def test_every_locked_package_states_one_line_of_licence() -> None:
    there = [name for name in locked_versions() if fault_of_package(name) is None]
    assert len(there) > 100
    for name in ("numpy", "scipy", "pandas", "matplotlib", "transformers", "lm-eval"):
        licence = describe_package(name)["licence"]
        assert licence and "\n" not in licence and len(licence) < 100


@pytest.mark.parametrize("name", ["Sympy", "nothing-of-the-kind", "", "../sympy"])
def test_a_package_that_the_lock_lacks_is_refused(name: str) -> None:
    with pytest.raises(StudyError, match="has no such package"):
        list(read_package(name))


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of an installed package that is found before the installed one."""
    installed = distribution("mpmath")
    for file in installed.files or []:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            to = tmp_path / file
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(installed.locate_file(file)), to)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_changed_file_is_refused(copied: Path) -> None:
    changed = copied / "mpmath" / "usertools.py"
    changed.write_text(changed.read_text() + "\n")
    with pytest.raises(StudyError, match="was changed after it was installed"):
        list(read_package("mpmath"))


def test_another_version_than_the_locked_one_is_refused(copied: Path) -> None:
    (metadata,) = copied.glob("mpmath-*.dist-info/METADATA")
    text = metadata.read_text()
    assert "\nVersion: 1.3.0\n" in text
    metadata.write_text(text.replace("\nVersion: 1.3.0\n", "\nVersion: 1.2.9\n"))
    with pytest.raises(StudyError, match=r"1\.2\.9 is installed.* has 1\.3\.0"):
        list(read_package("mpmath"))
