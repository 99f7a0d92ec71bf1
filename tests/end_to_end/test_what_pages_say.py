"""Every command on every page is run, page by page, in a clone with a finished study.

Studies are planned and not run, except where `FOR_REAL` says so: `dry-run` is written into the
clone's own profile, so commands are given as they stand on the page. What cannot be run here is in
`INSTEAD`, each with its reason. A command that is neither fails.
"""

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import PAGES, ROOT, Block, blocks, commands, name_of
from reader import MAPPING, Reader, lay_out_clone, suite

from disentangle.observations import adopt
from disentangle.study.sections.observations import Reading
from disentangle.study.sections.statistics import Statistics

FOR_REAL = {"docs/tutorial.md"}
"""Pages whose studies are run."""

INSTEAD = (
    (
        r"^(make (?:demo|test|lint|docs)|\.ci/run)$",
        "make --dry-run demo test lint docs",
        "an hour; CI runs them",
    ),
    (r"hf:owner/name(@revision)?", "path/to/model", "needs a network; test_hub_models has a hub"),
    (r" FLAGS=--(upload|publish)", "", "needs an account; test_publish has a stand-in"),
    (r"^pip install .*", "pip --version", "needs an index; tests/library installs the package"),
    (r"--profile pbs ", "--cores 1 ", "its plugin is not in the lock; tried by hand"),
    (r"^squeue .*|^ls \.snakemake/slurm_logs.*", "true", "needs a SLURM; tests/cluster has one"),
    (r"^tail -f (\S+)<run or cohort>(.*)", r"tail \1*\2", "follows the file until it is stopped"),
    (r"^python benchmarks/faults.py .*", "python benchmarks/faults.py --help", "an hour"),
    (r"^(python -m disentangle.calibration.compare) .*", r"\1 --help", "minutes"),
    (r"^for study in .*do (.*)\$study(\S+) (.*); done", r"\1wide\2 \3", "a small study, not three"),
    (r"^(make resume)$", r"make --dry-run resume", "needs an archive; test_archive has one"),
    (r"^snakemake verify .*", "true", "needs an archive; test_archive has one"),
    (r"^make check", "make --dry-run check", "test_audit checks this study"),
    (r"^make figures$", "make --dry-run figures", "writes into docs/; test_redraw draws them"),
    (r"<run>/step", "4K_*/step", "the name of a run"),
    (r"<run>(?! or)", "2K_*", "the name of a run"),
    (r"<study>", "mine", "the name of a study"),
)
"""Pattern of a command or a part of it, what is run in its place, and why."""

SMALLER = {
    "studies/suite.yaml": (
        "statistics: {calibration: {studies: 50, with_intervals: 20, resamples: 100}}\n"
    ),
}
"""What is laid over a study file of a page, for the sake of time."""

GIVEN: dict[str, dict[str, Any]] = {
    "README.md": {
        "W": np.random.default_rng(0).standard_normal((50, 4)),
        "observations": adopt(suite(), Reading.model_validate(MAPPING)),
        "passages": ["One passage.", "Another passage.", "And a third one."],
    },
}
"""Names that a page's blocks of Python take for granted."""

ANALYSIS = import_module("disentangle.observations.analyze")
"""Takes fewer resamples than by default, where studies are planned only."""

QUOTED = {"docs/CONTRIBUTING.md"}
"""Pages whose Python is quoted from the package."""


@pytest.fixture(scope="module")
def clone(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every reader begins with."""
    return lay_out_clone(study, tmp_path_factory.mktemp("reader") / "clone")


@pytest.fixture(scope="module")
def planned() -> set[str]:
    """What was planned for one page need not be planned for another."""
    return set()


@pytest.mark.parametrize("page", [page for page in PAGES if [*blocks(page)]], ids=name_of)
def test_what_a_page_says_can_be_done(
    page: Path, clone: Path, planned: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name_of(page)
    reader = Reader(clone, tmp_path / "clone", GIVEN.get(name, {}), plans_only=name not in FOR_REAL)
    monkeypatch.chdir(reader.folder)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    if reader.plans_only:
        monkeypatch.setattr(ANALYSIS, "Statistics", lambda: Statistics(resamples=100))
    for block in blocks(page):
        if block.language in ("python", "yaml") and block.file:
            reader.write(block, SMALLER.get(block.file, "") if name in FOR_REAL else "")
        elif block.language == "python":
            said = _quoted(block) if name in QUOTED else reader.run_python(_local(block))
            assert block.shown in (None, said)
        elif block.language == "sh":
            said = "".join(_run(reader, each, planned) for each in commands(block))
            assert block.shown in (None, said)


def _run(reader: Reader, command: str, planned: set[str]) -> str:
    for pattern, instead, _ in INSTEAD:
        command = re.sub(pattern, instead, command)
    if reader.plans_only and re.search(r"\b(snakemake|make run) ", command):
        what = _but_for_numbers(command, reader.folder)
        if what in planned:
            return ""
        planned.add(what)
    return reader.run(command)


def _but_for_numbers(command: str, folder: Path) -> str:
    """A command with the text of the study files that it names, and without numbers."""
    texts = re.sub(r"[\w/]+\.yaml", lambda file: (folder / file[0]).read_text(), command)
    return re.sub(r"\d| -n$", "", texts)


def _local(block: Block) -> Block:
    return Block(block.language, block.text.replace("hf:owner/name", "path/to/model"), "", None)


def _quoted(block: Block) -> None:
    package = "\n".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    for line in block.text.splitlines():
        assert line.strip().rstrip(",") in package, line


def test_every_exception_is_needed() -> None:
    """What is no longer on a page goes from the table."""
    said = [each for page in PAGES for block in blocks(page) for each in commands(block)]
    said += [block.text for page in PAGES for block in blocks(page) if block.language == "python"]
    for pattern, _, reason in INSTEAD:
        assert any(re.search(pattern, each) for each in said), pattern
        assert reason
    written = {block.file for page in PAGES for block in blocks(page)}
    assert set(SMALLER) <= written
