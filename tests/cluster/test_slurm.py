"""`snakemake --profile slurm` on a real SLURM: jobs ask, wait, fail, are stopped, and end well.

Three studies go side by side, since a cluster mostly waits: the tiny one on the cluster, the same
one on this machine, and a long training run that meets its time limit.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import Cluster
from tiny_study import BIN, fingerprints, lay_out

SNAKEMAKE = str(BIN / "snakemake")
# a cluster of one machine answers at once
PROFILE = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "2"]
GPU_RULES = ("pretrain", "quantize", "finetune", "measure_geometry", "evaluate_checkpoints")
SMALL_MB = 400
"""Exceeded for seconds by training, geometry and evaluation, so that SLURM, which looks once a
second, finds any of them above it; the profile's retries end above what each takes."""
LONG_RUN_SECONDS = 60
"""Training time of the run whose limit is a minute, of which it trains for half.

It is reckoned from the fastest of steps that were timed beside other jobs: a machine that turns
idle goes no faster than that, and the run still meets its limit."""


def configure(folder: Path, **sections: object) -> None:
    """Replace sections of the folder's study file."""
    path = folder / "tiny.yaml"
    config = yaml.safe_load(path.read_text()) | sections
    path.write_text(yaml.safe_dump(config))


def start(cluster: Cluster, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    with (folder / "screen.log").open("w") as screen:
        process = subprocess.Popen(
            [SNAKEMAKE, "--configfile", "tiny.yaml", *arguments],
            cwd=folder,
            env=cluster.environment,
            stdout=screen,
            stderr=subprocess.STDOUT,
            text=True,
            # a test that was itself started in the background has it ignored, and hands that on
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
    cluster.users.append(process)
    return process


def ended_well(process: subprocess.Popen[str], folder: Path) -> None:
    status = process.wait()
    assert status == 0, (folder / "screen.log").read_text()[-4000:]


@pytest.fixture(scope="module")
def studies(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Folders of the study on this machine, on the cluster, and with a run beyond its limit."""
    local, remote, limited = (
        lay_out(tmp_path_factory.mktemp(name)) for name in ("local", "remote", "limited")
    )
    perturbation = yaml.safe_load((local / "tiny.yaml").read_text())["perturbation"]
    for folder in (local, remote):  # of the size whose jobs are not killed for memory
        configure(folder, perturbation=perturbation | {"runs": ["4K_*"]})
    configure(remote, execution={"by_size": {"2K": {"mem_mb": SMALL_MB}}})
    on_cluster = start(cluster, remote, *PROFILE)
    here = start(cluster, local, "--cores", "2", "--resources", "gpu=1")
    results = local / "results" / "tiny"
    while here.poll() is None and not list(results.glob("checkpoints/4K_*/manifest.json")):
        time.sleep(0.2)
    for made in ("corpus", "tokenizer", "tokens"):
        shutil.copytree(results / made, limited / "results" / "tiny" / made)
    (log,) = results.glob("checkpoints/4K_*/training.parquet")
    limited_run = train_beyond_the_limit(cluster, limited, pd.read_parquet(log)["seconds"].min())
    ended_well(here, local)
    ended_well(on_cluster, remote)
    ended_well(limited_run, limited)
    return local, remote, limited


def train_beyond_the_limit(
    cluster: Cluster, folder: Path, step_seconds: float
) -> subprocess.Popen[str]:
    """Start a run that takes longer than its job may, and tell it to stop once ourselves."""
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    per_step = config["design"]["base"]["batch_size"] * config["model"]["sequence_length"]
    tokens = int(LONG_RUN_SECONDS / step_seconds) * per_step
    configure(
        folder,
        sizes=[size for size in config["sizes"] if size["name"] == "4K"],
        design={"base": config["design"]["base"] | {"tokens": tokens}, "sweeps": []},
        execution={"by_size": {"4K": {"gpu": 0, "runtime": 1}}},
    )
    profile = folder / "slurm" / "config.yaml"  # its three minutes are more than this limit
    profile.write_text(profile.read_text().replace("URG@180", "URG@1"))
    process = start(cluster, folder, *PROFILE, "train")
    while process.poll() is None and not any(
        log.read_text().count("\n") > 50
        for log in folder.glob("results/tiny/checkpoints/*/steps.jsonl")
    ):
        time.sleep(0.2)
    (job,) = cluster.jobs("rule_pretrain", folder)
    (folder / "status.txt").write_text(status(folder))
    cluster.run("scancel", "--signal=URG", job["JobId"])
    return process


def status(folder: Path) -> str:
    """What `make status` says."""
    command = [str(BIN / "python"), "-m", "disentangle.planning.status", "tiny.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


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
    until = time.monotonic() + 30
    while cluster.queue() and time.monotonic() < until:
        time.sleep(0.5)
    assert not cluster.queue(), "SIGINT cancels every job"
