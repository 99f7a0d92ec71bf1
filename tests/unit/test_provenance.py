"""The hash of code changes with logic, wherever it is reached, and with nothing else."""

import ast
from pathlib import Path

import pytest

from disentangle import provenance
from disentangle.provenance import PACKAGE, code_hash, computing_code

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of three modules, of which the entry reaches two."""
    root = tmp_path / PACKAGE.name
    (root / "sub").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "sub" / "__init__.py").write_text("")
    (root / "sub" / "helper.py").write_text('"""Doc."""\nfrom disentangle.deep import K\nA = K\n')
    (root / "deep.py").write_text("K = 1\n")
    (root / "unrelated.py").write_text("U = 1\n")
    (root / "job.py").write_text("LOG = 1\n")
    entry = tmp_path / "script.py"
    imports = "from disentangle import job\n"
    entry.write_text(
        f"{imports}def f():\n    from disentangle.sub import helper\n    return helper.A\n"
    )
    monkeypatch.setattr(provenance, "PACKAGE", root)
    return tmp_path


def fresh_hash(package: Path) -> str:
    provenance._logic.cache_clear()
    return code_hash(package / "script.py")


def edit(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("disentangle/sub/helper.py", '"""Doc."""', '"""Another."""', False),
        ("disentangle/sub/helper.py", "A = K", "A = K  # why", False),
        ("disentangle/sub/helper.py", "A = K", "A = (K)", False),
        ("disentangle/sub/helper.py", "A = K", "A = -K", True),
        ("disentangle/deep.py", "K = 1", "K = 2", True),
        ("disentangle/deep.py", "K = 1", "K = 1.0", True),
        ("disentangle/unrelated.py", "U = 1", "U = 2", False),
        ("disentangle/job.py", "LOG = 1", "LOG = 2", False),
        ("script.py", "helper.A", "helper.A + 1", True),
    ],
)
def test_what_changes_the_hash(package: Path, file: str, old: str, new: str, changes: bool) -> None:
    before = fresh_hash(package)
    edit(package / file, old, new)
    assert (fresh_hash(package) != before) == changes


def test_what_computes_is_code_and_libraries(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computing() -> str:
        return computing_code(package / "script.py", libraries=("torch",))

    before = computing()
    assert before != fresh_hash(package)
    monkeypatch.setattr(provenance, "_version", lambda package: "another")
    assert computing() != before


def test_the_hash_does_not_go_by_place(package: Path, tmp_path: Path) -> None:
    before = fresh_hash(package)
    (tmp_path / "elsewhere").mkdir()
    moved = package / "script.py"
    target = tmp_path / "elsewhere" / "script.py"
    target.write_text(moved.read_text())
    assert code_hash(target) == before


def test_the_package_imports_itself_by_absolute_names() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file} has a relative import"


@pytest.mark.parametrize(
    "script",
    [
        *("import_checkpoint", "measure_geometry", "compare_layers"),
        *("evaluate_checkpoints", "quantize", "finetune"),
    ],
)
def test_measuring_does_not_depend_on_what_follows_it(script: str) -> None:
    """A column more among the estimates, or a key more in a study file, measures nothing anew."""
    reached, todo = set(), [SCRIPTS / f"{script}.py"]
    while todo:
        file = todo.pop()
        if file not in reached:
            reached.add(file)
            todo.extend(provenance._logic(file)[1])
    later = ("tables/estimated", "tables/collected", "study/config", "sections/statistics")
    assert not [file for file in reached if file.with_suffix("").as_posix().endswith(later)]
