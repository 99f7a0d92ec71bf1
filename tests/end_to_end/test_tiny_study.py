"""A whole study, from text to report, by the real workflow: then asked again, killed, extended."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tiny_study import BIN, command, fingerprints, lay_out, table

from disentangle.storage import sha256_of

VARIANTS = {"gptq-3bit": 2, "gptq-8bit": 2, "finetuned-code": 2}
"""Each with how many models are perturbed so."""


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_the_tables_hold_what_was_planned(study: Path) -> None:
    checkpoints = table(study, "checkpoints")
    assert len(checkpoints) == 2 * 3
    assert checkpoints["weights_sha256"].is_unique
    assert checkpoints["train_loss"].isna().sum() == 2  # step 0
    geometry = table(study, "geometry")
    assert geometry.groupby(["run", "step"]).size().eq(8).all()
    assert geometry["effective_rank_pct"].between(0, 100).all()
    assert (geometry["singular_values"].map(len) == geometry["dim"]).all()
    evaluation = table(study, "evaluation")
    assert set(evaluation["task"]) == {"heldout_id", "heldout_ood", "heldout_code", "piqa"}
    observations = table(study, "observations")
    assert observations["variant"].value_counts().to_dict() == {"base": 6} | VARIANTS
    assert observations["final"].sum() == 2 + 6
    assert {"W_effective_rank", "H_effective_rank", "H_code_effective_rank"} <= set(observations)
    losses = [f"{domain}_bits_per_byte" for domain in ("id", "ood", "code")]
    assert observations[losses].notna().all().all()
    assert table(study, "missing").empty
    associations = table(study, "associations")
    assert set(associations["variant"]) == {"base", *VARIANTS}
    base = associations[associations["variant"] == "base"]
    assert set(base["outcome"]) == set(losses)
    assert set(associations["n"]) == {2}
    assert len(table(study, "leakage")) == 3
    assert len(table(study, "saturation")) == 2 * 3
    costs = table(study, "costs")
    assert (costs["rule"] == "pretrain").sum() == 2  # a cohort a size


def test_perturbed_checkpoints_are_evaluated_like_any_other(study: Path) -> None:
    observations = table(study, "observations").set_index(["run", "step", "variant"])
    final = observations[observations["final"]]["code_bits_per_byte"].unstack()
    # to 8 bits next to nothing is lost; training on code helps with code
    assert (final["gptq-8bit"] - final["base"]).abs().max() < 0.01
    assert (final["finetuned-code"] < final["base"]).all()
    changes = observations["code_bits_per_byte_change"].unstack()
    assert changes["base"].isna().all()
    expected = final["finetuned-code"] - final["base"]
    assert changes["finetuned-code"].dropna().tolist() == pytest.approx(expected.tolist())
    settings = json.loads(
        next(study.glob("results/*/perturbed/*/gptq-3bit/step*/manifest.json")).read_text()
    )["settings"]
    assert (settings["bits"], settings["group_size"]) == (3, 8)


def test_the_report_needs_nothing_from_outside(study: Path) -> None:
    page = (study / "results" / "tiny" / "report.html").read_text()
    # the library of the interactive figures draws, and fetches only when told to
    told = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert told.count("<svg") == 8  # two models agree on nothing
    for outside in ("<script src", "<link", "src=", "@import", "url(http"):
        assert outside not in told
    assert "default-src 'none'" in page, "and the browser lets it fetch nothing"
    assert "too few degrees of freedom for a test" in page
    for figure in ("rank_and_loss", "associations"):
        assert (study / "results" / "tiny" / "figures" / f"{figure}.pdf").read_bytes()[
            :4
        ] == b"%PDF"


def test_a_second_run_does_nothing(study: Path) -> None:
    assert "Nothing to be done" in run(study)


def status(folder: Path) -> str:
    python = [str(BIN / "python"), "-m", "disentangle.planning.status", "tiny.yaml"]
    return subprocess.run(python, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_its_state_is_said_and_nothing_touched(study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()}
    shown = status(study)
    assert "tiny: 2 runs: 2 done" in shown
    rows = [line.rsplit(maxsplit=2) for line in shown.splitlines()]
    for row in (
        ["checkpoints", "6", "6"],
        ["geometry: measurements", "48", "48"],
        ["evaluation: measurements", "38", "38"],
    ):
        assert row in rows
    for title in ("Quarantined", "At work", "Last errors"):
        assert title not in shown
    assert before == {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file()}


def test_a_damaged_checkpoint_is_set_aside_and_the_rest_goes_on(
    study: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "damaged", symlinks=True))
    results = folder / "results" / "tiny"
    (weights,) = results.glob("checkpoints/2K_*/step4/model.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 64
    weights.write_bytes(data)
    shutil.rmtree(results / "cache")
    again = ("--forcerun", "measure_geometry", "evaluate_checkpoints")
    run(folder, *again)
    missing = table(folder, "missing")
    assert set(missing["state"]) == {"quarantined"}
    assert missing[["step", "stage"]].to_numpy().tolist() == [[4, "geometry"], [4, "evaluation"]]
    assert missing["reason"].str.contains("SHA-256").all()
    assert len(table(folder, "geometry")) == 5 * 8
    observations = table(folder, "observations").query("variant == 'base'")
    assert observations["W_effective_rank"].isna().sum() == 1
    assert set(table(folder, "associations")["n"]) == {2}, "last checkpoints are there"
    page = (results / "report.html").read_text()
    assert "Of 6 expected checkpoints, 5 exist and are measured, 1 quarantined." in page
    assert re.search(r" 4 +model.safetensors was changed", status(folder))
    data[-1] ^= 64
    weights.write_bytes(data)
    shown = run(folder, *again)
    assert "8 matrices measured, 16 taken as they were" in shown, "what was measured is kept"
    assert table(folder, "missing").empty


def test_killed_at_three_moments_it_ends_in_the_same_tables(study: Path, tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    # after the first sign of: training, geometry, and the tables
    moments = ["checkpoints/*/step4", "geometry/*.parquet", "tables/checkpoints.parquet"]
    for moment in moments:
        process = subprocess.Popen(
            command(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and not list(folder.glob(f"results/tiny/{moment}")):
            time.sleep(0.05)
        if moment == moments[0]:
            process.kill()  # Snakemake alone: its jobs go on as orphans
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    run(folder)
    assert fingerprints(folder) == fingerprints(study)


def test_manifests_say_what_the_weights_are(study: Path) -> None:
    for path in (study / "results" / "tiny" / "checkpoints").glob("*/step*/manifest.json"):
        manifest = json.loads(path.read_text())
        promised = (
            "run step tokens weights_sha256 rows dim tied dtype train_loss source code_version"
        )
        assert set(promised.split()) <= set(manifest)
        assert manifest["weights_sha256"] == sha256_of(path.with_name("model.safetensors"))
        assert manifest["step"] == int(path.parent.name.removeprefix("step"))
