"""What a job does about the cluster it runs on."""

import os
import signal
import subprocess
import time
from datetime import datetime

from disentangle.job import Say

STOP_SIGNALS = (signal.SIGTERM, signal.SIGURG)
"""What tells training to save and stop: SIGTERM from a person or a preemption, which counts where
both come, and SIGURG to go back to the queue. SLURM signals all programs of a job; those that know
nothing of SIGURG ignore it."""

SAVING_SECONDS = 180
"""How long before its time limit a job stops by itself, or a quarter of its time where less."""

ANSWER_SECONDS = 60
"""How long machines may take to start a program that does nothing."""

REQUEUE_SECONDS = 60
"""SLURM ends a job within seconds of sending it back."""


def stop_time() -> float | None:
    """When this SLURM job should stop to be sure of saving; None where no limit is known.

    SLURM can be asked for a signal instead (`--signal`), and is; but it may come a minute early,
    before training listens, and not again.

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
    """Signal all programs that this SLURM job has started on its machines, by srun."""
    told = ["scancel", f"--signal={signum}", os.environ["SLURM_JOB_ID"]]
    subprocess.run(told, check=False)  # noqa: S603 (SLURM's own)


def machines_answer() -> bool:
    """Whether a program can be started on every machine of this SLURM job.

    SLURM notices minutes later that a machine died, and may give it to a job meanwhile. It starts
    nothing for a job that it is ending, which is no fault of the machines.
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
    """Whether SLURM runs a job now; also True where SLURM cannot be asked."""
    asked = ["squeue", "--noheader", f"--jobs={job}", "--format=%T"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True)  # noqa: S603 (SLURM's)
    except FileNotFoundError:
        return True
    if answer.returncode:
        return "Invalid job id" not in answer.stderr  # what SLURM says of a job long gone
    return answer.stdout.strip() not in {"", "PENDING", "COMPLETING"}


def send_back(say: Say) -> None:
    """Send this SLURM job back to the queue, to go on where it stopped; it does not return then.

    Snakemake sees one job that waits and runs again, so a run of any length takes none of the
    retries that are for failures. Returns where there is no SLURM job, or its site forbids it:
    the job then fails, and is retried.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return
    say(f"SLURM job {job} goes back to the queue, and goes on from what is saved")
    done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)  # noqa: S603, S607 (SLURM's own)
    if done.returncode:
        say(f"SLURM does not let it: {done.stderr.strip()}")
        return
    time.sleep(REQUEUE_SECONDS)
