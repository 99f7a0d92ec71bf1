"""`snakemake --profile slurm` on a real SLURM: jobs ask, wait, fail, are stopped, and end well."""

import json
import re
import signal
import socket
import subprocess
import time
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from on_cluster import (
    PROFILE,
    SMALL_MB,
    SNAKEMAKE,
    configure,
    ended_well,
    said,
    screen_of,
    start,
    status,
)
from private_cluster import Cluster
from tiny_study import BIN, ROOT, commit, fingerprints

pytestmark = pytest.mark.timeout(1800)

ARCHIVE = Path("results/tiny/archive/tiny.crate.zip")
GPU_RULES = ("pretrain", "quantize", "finetune", "measure_geometry", "evaluate_checkpoints")


def test_the_state_of_a_study_is_said_while_the_cluster_works_at_it(
    cluster: Cluster, studies: tuple[Path, Path, Path]
) -> None:
    _, _, limited = studies
    (job,) = cluster.jobs("rule_pretrain", limited)
    shown = (limited / "status.txt").read_text()
    assert "tiny: 1 runs: 1 begun" in shown
    assert f"SLURM job {job['JobId']} on {socket.gethostname()}" in shown.partition("At work:")[2]
    (step,) = re.findall(r"SLURM job .* step (\d+) of \d+", shown)
    assert int(step) > 50
    assert "tiny: 1 runs: 1 done" in status(limited)
    assert "At work" not in status(limited)


def test_the_screen_shows_the_progress_of_the_study_and_what_failed(
    studies: tuple[Path, Path, Path],
) -> None:
    _, remote, limited = studies
    shown = screen_of(remote).read_text()
    assert re.search(r"^train: done, (\d+) of \1 in ", shown, re.MULTILINE)
    failed = set(re.findall(r"^FAILED (.*)$", shown, re.MULTILINE))
    assert failed and failed == set(re.findall(r"^Trying again: (.*)$", shown, re.MULTILINE))
    assert shown.splitlines()[-1].startswith("The report: file://")
    assert "Select jobs" not in shown and "has been submitted" not in shown
    # a job that SLURM sent back to the queue has not failed
    assert "FAILED" not in screen_of(limited).read_text()


def test_the_tables_are_those_of_this_machine(studies: tuple[Path, Path, Path]) -> None:
    local, remote, _ = studies
    assert fingerprints(remote) == fingerprints(local)


def test_every_training_job_asked_for_a_gpu_and_no_two_had_it_at_once(
    cluster: Cluster, studies: tuple[Path, Path, Path]
) -> None:
    _, remote, _ = studies
    jobs = [job for rule in GPU_RULES for job in cluster.jobs(f"rule_{rule}", remote)]
    assert len(jobs) >= 8
    assert {job.get("TresPerJob") for job in jobs} == {"gres:gpu:1"}
    times = sorted(
        (datetime.fromisoformat(job["StartTime"]), datetime.fromisoformat(job["EndTime"]))
        for job in jobs
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(times))
    assert not any(job.get("TresPerJob") for job in cluster.jobs("rule_collect", remote))


def test_a_workstation_with_one_gpu_gives_it_to_one_job_at_a_time(
    studies: tuple[Path, Path, Path],
) -> None:
    local, _, _ = studies
    ends = [
        (usage.stat().st_mtime, json.loads(usage.read_text())["wall_seconds"])
        for rule in GPU_RULES
        for usage in local.glob(f"results/tiny/logs/{rule}/*.record.json")
    ]
    assert len(ends) == 8
    times = sorted((end - seconds, end) for end, seconds in ends)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))


def test_a_job_out_of_memory_is_sent_again_with_more(
    cluster: Cluster, studies: tuple[Path, Path, Path]
) -> None:
    _, remote, _ = studies
    killed, *_, succeeded = cluster.jobs("rule_pretrain_wildcards_2K", remote)
    assert killed["JobState"] in ("FAILED", "OUT_OF_MEMORY")
    assert killed["MinMemoryNode"] == f"{SMALL_MB}M"
    assert succeeded["JobState"] == "COMPLETED"
    assert succeeded["MinMemoryNode"] in [f"{round(SMALL_MB * 1.5**n)}M" for n in (1, 2, 3)]


def test_a_run_beyond_its_time_limit_goes_on_where_it_stopped(
    cluster: Cluster, studies: tuple[Path, Path, Path]
) -> None:
    _, _, limited = studies
    (job,) = cluster.jobs("rule_pretrain", limited)  # sent back, not tried again
    assert int(job["Restarts"]) >= 2, "once by our signal, once by its own clock"
    assert job["JobState"] == "COMPLETED"
    (log,) = limited.glob("results/tiny/checkpoints/*/training.parquet")
    training = pd.read_parquet(log)
    assert training["step"].tolist() == list(range(1, len(training) + 1))
    starts = (log.parent / "starts.jsonl").read_text().splitlines()
    steps = [json.loads(start)["from_step"] for start in starts]
    assert steps[0] == 0 and steps[1] > 50, "it went on where our signal found it"
    assert len(steps) >= 3, "the second stop is by the time limit"
    assert steps == sorted(set(steps)), "each start goes on further on"


def test_a_study_of_the_cluster_is_archived_and_verified(
    cluster: Cluster, studies: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    _, remote, _ = studies
    commit(remote)
    # an archive holds the code that ran, so that is the clone's own
    at_home = cluster.environment | {"PYTHONPATH": str(remote / "src")}
    ended_well(start(replace(cluster, environment=at_home), remote, *PROFILE, "archive"), remote)
    (job,) = cluster.jobs("rule_archive", remote)
    assert job["JobState"] == "COMPLETED"
    archive = remote / ARCHIVE
    by_itself = [str(BIN / "python"), str(ROOT / "src/disentangle/archive/verify.py"), str(archive)]
    subprocess.run(by_itself, check=True, cwd=tmp_path)
    again = [SNAKEMAKE, "--cores", "2", "verify", "--config", f"archive={archive}"]
    done = subprocess.run(again, cwd=remote, env=at_home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_sigint_cancels_every_job(cluster: Cluster, studies: tuple[Path, Path, Path]) -> None:
    _, remote, _ = studies
    base = yaml.safe_load((remote / "tiny.yaml").read_text())["design"]["base"]
    configure(remote, design={"base": base, "sweeps": [{"seed": [1]}]})
    process = start(cluster, remote, *PROFILE, "train")
    while process.poll() is None and not cluster.run("squeue", "--noheader", "--states=R"):
        time.sleep(0.2)
    time.sleep(2)
    assert len(cluster.queue()) == 2, "one has the GPU, one waits for it"
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert process.returncode != 0
    assert "Stopped. What is done is kept" in said(remote)
    until = time.monotonic() + 30
    while cluster.queue() and time.monotonic() < until:
        time.sleep(0.5)
    assert not cluster.queue(), "SIGINT cancels every job"
