"""Studies on the tests' cluster: their files, how they are started, how they are stopped."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import yaml
from private_cluster import Cluster
from tiny_study import BIN

SNAKEMAKE = str(BIN / "snakemake")
# a cluster of one machine answers at once
PROFILE = ["--profile", "slurm", "--slurm-init-seconds-before-status-checks", "2"]
MAX_RUNTIME = 60
"""Minutes that the partitions allow."""
SMALL_MB = 400
"""Exceeded for seconds by training, geometry and evaluation, so that SLURM, which looks once a
second, finds any of them above it; the profile's retries end above what each takes."""
LONG_RUN_SECONDS = 60
"""Training time of the run whose limit is a minute, of which it trains for half.

It is reckoned from the fastest of steps that were timed beside other jobs: a machine that turns
idle goes no faster than that, and the run still meets its limit."""


@dataclass(frozen=True)
class Underway:
    """The tiny study on this machine, trained at least; and two that the cluster works at."""

    local: Path
    remote: Path
    """The same study."""
    limited: Path
    """One with a run beyond its time limit."""
    processes: dict[Path, subprocess.Popen[str]]
    """Their workflows."""


def configure(folder: Path, **sections: object) -> None:
    """Replace sections of the folder's study file."""
    path = folder / "tiny.yaml"
    config = yaml.safe_load(path.read_text()) | sections
    path.write_text(yaml.safe_dump(config))


def start(cluster: Cluster, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    with screen_of(folder).open("w") as screen:
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
    assert status == 0, said(folder)


def screen_of(folder: Path) -> Path:
    """What the workflow of a folder shows; beside it, since git knows of all that is in it."""
    return folder.with_suffix(".screen.log")


def said(folder: Path) -> str:
    """What the workflow of a folder said, long lines cut, and the last of what its jobs did."""
    shown = [screen_of(folder), *sorted(folder.glob(".snakemake/slurm_logs/**/*.log"))[-3:]]
    return "\n".join(
        f"--- {path.name}\n" + "\n".join(line[:160] for line in path.read_text().splitlines()[-40:])
        for path in shown
    )


def wait_until(
    process: subprocess.Popen[str], folder: Path, happened: Callable[[], object]
) -> None:
    """Wait while a folder's workflow goes on, until something has happened."""
    while not happened():
        assert process.poll() is None, f"the workflow ended before:\n{said(folder)}"
        time.sleep(0.2)


def steps_made(folder: Path) -> int:
    """Steps in the log of the only run that the folder trains."""
    logs = list(folder.glob("results/tiny/checkpoints/*/steps.jsonl"))
    return logs[0].read_text().count("\n") if logs else 0


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
        execution={"max_runtime": MAX_RUNTIME, "by_size": {"4K": {"gpu": 0, "runtime": 1}}},
    )
    profile = folder / "slurm" / "config.yaml"  # its three minutes are more than this limit
    profile.write_text(profile.read_text().replace("URG@180", "URG@1"))
    process = start(cluster, folder, *PROFILE, "train")
    wait_until(process, folder, lambda: steps_made(folder) > 50)
    (job,) = cluster.jobs("rule_pretrain", folder)
    (folder / "status.txt").write_text(status(folder))
    cluster.run("scancel", "--signal=URG", job["JobId"])
    return process


def status(folder: Path) -> str:
    """What `make status` says."""
    command = [str(BIN / "python"), "-m", "disentangle.planning.status", "tiny.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def take_text(done: Path, folder: Path) -> None:
    """Give a folder the text, tokenizer and tokens of one that has them, and why they are so."""
    for made in ("specs", "corpus", "tokenizer", "tokens"):
        shutil.copytree(done / "results" / "tiny" / made, folder / "results" / "tiny" / made)


def step_seconds(done: Path) -> float:
    """What the fastest step of a finished run of size 4K took, on one thread of this machine."""
    (log,) = done.glob("results/tiny/checkpoints/4K_*/training.parquet")
    return float(pd.read_parquet(log)["seconds"].min())
