"""The `disentangle` command: its parts start at once, and say what is wrong."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd
import pytest

from disentangle.commands import __main__ as commands
from disentangle.commands.__main__ import main
from disentangle.tables.estimated import ASSOCIATIONS, CLAIMS
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
    row = dict.fromkeys(ASSOCIATIONS.schema.names) | {
        "variant": "base",
        "metric": "W_effective_rank_pct",
        "outcome": "id_bits_per_byte",
        "n": 12,
        **dict.fromkeys(("rho", "rho_low", "rho_high"), rho),
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
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["1", "*fails", "holds"],
        ["2", "holds", "holds"],
        ["3", "*holds", "not"],
    ]
    assert "1 of 2 verdicts are the same" in lines[4]
    assert "n = 12; raw ρ +0.50 [+0.50, +0.50]; residual ρ not known" in lines[-2]
    assert main(["compare", "small", "absent"]) == 2
    assert "Study absent not found" in capsys.readouterr().err
