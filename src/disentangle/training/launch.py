"""Train with several processes: torchrun on this machine, or on every machine of a SLURM job."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import psutil

from disentangle.cluster import STOP_SIGNALS
from disentangle.errors import StudyError
from disentangle.training.stretch import Stretch


def train_on_many(stretch: Stretch, *, processes: int, nodes: int) -> int | None:
    """Run `train` in `processes` processes, and wait for them.

    A signal to stop is passed on; the processes save and end then.

    Returns:
        The number of that signal, if one came.

    Raises:
        StudyError: if one of them failed.
    """
    told = stretch.folder / "stretch.json"
    stretch.write(told)
    launcher = subprocess.Popen([*_launcher(processes, nodes), str(told)])  # noqa: S603 (ours)

    stopped_by: int | None = None

    def pass_on(signum: int, frame: object) -> None:
        nonlocal stopped_by
        stopped_by = signum
        # past torchrun, which knows SIGTERM only and gives its processes half a minute then
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(launcher.pid).children(recursive=True):
                process.send_signal(signal.SIGURG)

    previous = {number: signal.signal(number, pass_on) for number in STOP_SIGNALS}
    try:
        status = launcher.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        told.unlink()
    if status:
        raise StudyError(
            f"{stretch.run.name}: a training process ended with an error (status {status}).\n"
            "What is saved is kept; the job's log has the whole story."
        )
    return stopped_by


def _launcher(processes: int, nodes: int) -> list[str]:
    here = processes // nodes
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={here}"]
    program = ["--module", "disentangle.training.train"]
    if nodes == 1:
        return [*torchrun, "--standalone", *program]
    job = os.environ["SLURM_JOB_ID"]
    # a step beside the one that runs this, once on each machine
    srun = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    meeting = f"{socket.gethostname()}:{20000 + int(job) % 20000}"
    rendezvous = ["--rdzv-backend=c10d", f"--rdzv-endpoint={meeting}", f"--rdzv-id={job}"]
    return [*srun, *torchrun, f"--nnodes={nodes}", *rendezvous, *program]
