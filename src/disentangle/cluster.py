"""Interaction of a job with its SLURM cluster."""

import os
import signal
import subprocess
import time
from datetime import datetime

from disentangle.job import Say

STOP_SIGNALS = (signal.SIGTERM, signal.SIGURG)
"""Signals for training to save and stop: SIGTERM from a person or a preemption, and SIGURG to go
back to the queue. If both come, SIGTERM counts. SLURM signals all programs of a job; programs
without a handler ignore SIGURG."""

SAVING_SECONDS = 180
"""A job stops by itself this long before its time limit, or a quarter of its time if shorter."""

ANSWER_SECONDS = 60
"""Most time that machines may take to start a trivial program."""

REQUEUE_SECONDS = 60
"""Time to wait for SLURM to end a requeued job, which takes seconds."""


def stop_time() -> float | None:
    """When this SLURM job should stop, to have time for saving; None without a known limit.

    SLURM is also asked for a signal (`--signal`). But that is sent only once and may come a minute
    early, before training handles it.

    Returns:
        Seconds since the epoch.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    asked = ["squeue", "--noheader", f"--jobs={job}", "--format=%e"]
    try:
        ends = subprocess.run(asked, capture_output=True, text=True).stdout  # noqa: S603 (SLURM's)
        limit = datetime.fromisoformat(ends.strip()).timestamp()
    except (FileNotFoundError, ValueError):  # no squeue here; "NONE" or "N/A" for no limit
        return None
    return limit - min(SAVING_SECONDS, max(0, limit - time.time()) / 4)


def signal_steps(signum: int) -> None:
    """Signal all programs that this SLURM job started on its machines with srun."""
    told = ["scancel", f"--signal={signum}", os.environ["SLURM_JOB_ID"]]
    subprocess.run(told, check=False)  # noqa: S603 (SLURM's own)


def machines_answer() -> bool:
    """Whether a program can be started on every machine of this SLURM job.

    SLURM notices only after minutes that a machine died, and may assign it to a job until then. It
    starts nothing for a job that is ending; then the machines are not at fault.
    """
    if not job_runs(os.environ["SLURM_JOB_ID"]):
        return True
    asked = ["srun", "--overlap", "--ntasks-per-node=1", "--gres=none", "true"]
    try:
        answered = subprocess.run(asked, timeout=ANSWER_SECONDS).returncode == 0  # noqa: S603 (SLURM's)
    except subprocess.TimeoutExpired:
        answered = False
    return answered or not job_runs(os.environ["SLURM_JOB_ID"])


def job_runs(job: str) -> bool:
    """Whether SLURM is running a job; also True if SLURM is not available."""
    asked = ["squeue", "--noheader", f"--jobs={job}", "--format=%T"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True)  # noqa: S603 (SLURM's)
    except FileNotFoundError:
        return True
    if answer.returncode:
        return "Invalid job id" not in answer.stderr  # what SLURM says of a job long gone
    return answer.stdout.strip() not in {"", "PENDING", "COMPLETING"}


def send_back(say: Say) -> None:
    """Requeue this SLURM job, so that it continues where it stopped; does not return on success.

    Snakemake sees one job that waits and runs again, so a long run uses none of the retries, which
    are for failures. If there is no SLURM job, or the site forbids requeueing, it returns: the job
    then fails, and is retried.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    say(f"SLURM job {job} goes back to the queue, and will continue from its saved state")
    done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)  # noqa: S603, S607 (SLURM's own)
    if done.returncode:
        say(f"SLURM refused to requeue the job: {done.stderr.strip()}")
        return
    time.sleep(REQUEUE_SECONDS)
