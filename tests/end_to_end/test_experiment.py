"""An experiment on W by the real workflow: from the arms in a study file to the page."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml
from edits import planned
from tiny_study import command, lay_out, table

ARMS = {
    "low": {"kind": "spectrum", "target": 0.4, "pull": 0.3},
    "gauge": {"kind": "gauge", "target": 0.4, "pull": 0.3},
}
SEEDS = [0, 1, 2]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smaller half of the tiny study, with arms."""
    folder = lay_out(tmp_path_factory.mktemp("experiment"))
    study = yaml.safe_load((folder / "tiny.yaml").read_text())
    study["sizes"] = study["sizes"][1:]
    study["design"] |= {"interventions": ARMS, "seeds": SEEDS}
    study["perturbation"] = {"runs": ["*"], "quantize": None, "finetune": {"code": None}}
    study["evaluation"]["tasks"] = []
    study["execution"] = {"runs_per_job": 9}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(study))
    done = subprocess.run(command(), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_arms_reach_their_targets_and_the_tables(experiment: Path) -> None:
    arms = table(experiment, "causal_arms").set_index("arm")
    assert arms["n"].to_dict() == {"control": 3, "low": 3, "gauge": 3}
    assert arms.loc["low", "exposure"] == pytest.approx(0.4, abs=0.01)
    assert arms.loc["control", "exposure"] > 0.8
    runs = table(experiment, "observations").query("final")
    raw = runs.groupby("arm")["W_effective_rank_pct"].mean()
    assert raw["gauge"] == pytest.approx(40, abs=1)
    effects = table(experiment, "arm_effects").set_index(["response", "arm"])
    losses = runs.pivot(index="seed", columns="arm", values="id_bits_per_byte")
    difference = (losses["low"] - losses[""]).mean()
    assert effects.loc[("id_bits_per_byte", "low"), "effect"] == pytest.approx(difference)
    slopes = table(experiment, "causal_slopes")
    assert {"two-stage, doses", "observational"} <= set(slopes["estimator"])
    claims = table(experiment, "causal_claims")
    assert claims["claim"].tolist() == [1, 2, 3, 4]
    assert claims.set_index("claim").loc[4, "verdict"] == "undecided"  # nothing was operated on


def test_arms_are_in_no_association(experiment: Path) -> None:
    associations = table(experiment, "associations")
    assert associations["n"].max() == len(SEEDS)


def test_every_push_is_logged_and_shown(experiment: Path) -> None:
    results = experiment / "results" / "tiny"
    for log in sorted(results.glob("checkpoints/*/training.parquet")):
        steps = pd.read_parquet(log)
        pushed = "_arm-" in log.parent.name
        assert steps["push"].notna().all() == pushed and steps["push"].isna().all() != pushed
    page = (results / "report.html").read_text()
    assert "Does rank cause anything?" in page and "two-stage, doses" in page
    assert (results / "figures" / "dose_and_response.svg").stat().st_size > 5000


def test_nothing_is_done_again(experiment: Path) -> None:
    assert planned(experiment, "--cores", "2", "all") == {}
