"""The `disentangle` command: its parts start at once, and say what is wrong."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd
import pytest

from disentangle.commands import __main__ as commands
from disentangle.commands.__main__ import main
from disentangle.tables.estimated import ASSOCIATIONS, CLAIM_TESTS, CLAIMS
from disentangle.tables.files import write_table


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from disentangle.commands.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'pandas', 'numpy', 'snakemake'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == "set()\n"
    shown = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ")}
    wanted = "run plan status check calibrate verify resume add publish measure compare"
    assert set(wanted.split()) <= shown


def test_it_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="disentangle")
    assert command.load() is main


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (["plan", "a.yaml", "--profile", "slurm"], ["plan", "--profile", "slurm", "a.yaml"]),
        (["calibrate", "a.yaml", "b.yaml"], ["calibrate", "a.yaml", "b.yaml"]),
        (["verify", "x.crate.zip"], ["verify", "archive=x.crate.zip"]),
    ],
)
def test_files_are_made_by_snakemake(
    asked: list[str], target: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[str] = []
    monkeypatch.setattr(commands.os, "execv", lambda program, command: became.extend(command))
    monkeypatch.chdir(tmp_path)
    assert main(asked) == 2, "there is no Snakefile"
    Path("Snakefile").touch()
    main(asked)
    assert became[:4] == [sys.executable, "-m", "snakemake", target[0]]
    assert set(target) <= set(became)


def test_a_study_runs_with_our_display_or_snakemakes_own_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr("disentangle.running.start", lambda files, command: begun.append(command))
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").touch()
    main(["run", "a.yaml"])
    main(["run", "a.yaml", "--verbose"])
    ours, snakemakes = begun
    assert ours[ours.index("--logger") + 1] == "disentangle" and "--quiet" not in ours
    assert "--logger" not in snakemakes and "--quiet" in snakemakes


@pytest.mark.parametrize("name", ["status", "check"])
def test_a_study_that_is_none_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([name, "absent.yaml"]) == 2
    assert "There is no study file" in capsys.readouterr().err


def study(folder: Path, verdicts: dict[int, str], rho: float) -> None:
    (folder / "tables").mkdir(parents=True)
    claims = [
        dict.fromkeys(CLAIMS.schema.names)
        | {"claim": number, "statement": f"Claim {number}.", "verdict": verdict}
        for number, verdict in verdicts.items()
    ]
    write_table(pd.DataFrame(claims), CLAIMS, folder / "tables" / "claims.parquet")
    tests = pd.DataFrame(columns=CLAIM_TESTS.schema.names)
    write_table(tests, CLAIM_TESTS, folder / "tables" / "claim_tests.parquet")
    row = dict.fromkeys(ASSOCIATIONS.schema.names) | {
        "variant": "base",
        "metric": "W_effective_rank_pct",
        "outcome": "id_bits_per_byte",
        "n": 12,
        **dict.fromkeys(("residual_rho", "residual_low", "residual_high"), rho),
    }
    write_table(pd.DataFrame([row]), ASSOCIATIONS, folder / "tables" / "associations.parquet")


def test_two_studies_are_compared_claim_by_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study(Path("results/small"), {1: "fails", 2: "holds", 3: "holds"}, 0.5)
    study(Path("results/large"), {1: "holds", 2: "holds"}, -0.35)
    assert main(["compare", "small", "results/large"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:4] for line in lines[2:5]] == [
        ["1", "fails", "holds", "contradict"],
        ["2", "holds", "holds", "agree"],
        ["3", "holds", "not", "asked"],
    ]
    assert lines[6].startswith("3 claims: 1 that hold in one study and fail in another, 1 decided")
    assert lines[-4:-2] == ["  small: +0.50 [+0.50, +0.50]", "  large: -0.35 [-0.35, -0.35]"]
    assert lines[-2].startswith("  not pooled: on which text id is measured is not known")
    page = tmp_path / "results" / "compare" / "small-large.html"
    assert page.is_file() and lines[-1] == f"The page: {page.as_uri()}"
    assert main(["compare", "small", "absent"]) == 2
    assert "Study absent not found" in capsys.readouterr().err
    assert main(["compare", "small"]) == 2
    assert "at least two" in capsys.readouterr().err


def test_an_extra_that_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for module in ("disentangle.comparison.page", "disentangle.commands.compare"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert main(["compare", "a", "b"]) == 2
    assert "needs the module jinja2" in capsys.readouterr().err
