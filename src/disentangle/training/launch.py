"""Train with several processes: torchrun on this machine, or on every machine of a SLURM job."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from disentangle.cluster import STOP_SIGNALS, machines_answer, signal_steps
from disentangle.errors import StudyError
from disentangle.job import Say
from disentangle.storage import read_json
from disentangle.training.segment import Segment

PORTS = (20_000, 32_000)
"""Where the processes of several machines meet: below those that Linux gives to connections."""


def train_on_many(segment: Segment, say: Say, *, processes: int, nodes: int) -> int | None:
    """Run `train` in `processes` processes, and wait for them.

    A signal to stop is passed on; the processes save and end then.

    Args:
        segment: what they train.
        say: tells the screen.
        processes: how many.
        nodes: machines of this SLURM job that they are spread over, as many on each. If more
            than one, this runs in the job's batch script, on the first of them.

    Returns:
        The number of the signal to stop, if one came to this process or to any of them. SIGURG,
        as if the job had been told to go back to the queue, if one of its machines died.

    Raises:
        StudyError: if one of them failed.
    """
    told = segment.folder / "segment.json"
    segment.write(told)
    segment.stopped.unlink(missing_ok=True)
    shared = os.environ | {"OLMO_SHARED_FS": "1"}  # else a process of each machine writes the state
    command = [*_launcher(segment, processes, nodes), str(told)]
    launcher = subprocess.Popen(command, env=shared)  # noqa: S603 (ours)

    stopped_by: int | None = None

    def pass_on(signum: int, frame: object) -> None:
        nonlocal stopped_by
        stopped_by = signum
        if nodes > 1:
            signal_steps(signal.SIGURG)
            return
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
    told_to_stop = stopped_by is not None or segment.stopped.exists()
    if status and nodes > 1 and not told_to_stop and not machines_answer():
        say(f"{segment.run.name}: a machine of this job does not answer")
        return signal.SIGURG
    if status:
        raise StudyError(
            f"{segment.run.name}: a training process ended with an error (status {status}).\n"
            "What is saved is kept. The traceback is in the job's log, which <log>.failed keeps."
        )
    heard = _heard(segment.stopped)
    return stopped_by or heard


def _heard(stopped: Path) -> int | None:
    """The signal that the processes heard: SLURM signals them, and not a job's batch script."""
    if not stopped.exists():
        return None
    signum: int = read_json(stopped)["signal"]
    stopped.unlink()
    return signum


def _launcher(segment: Segment, processes: int, nodes: int) -> list[str]:
    here = processes // nodes
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    program = ["--module", "disentangle.training.train"]
    if nodes == 1:
        return [*torchrun, f"--nproc-per-node={here}", "--standalone", *program]
    # a launcher on each machine; one that fails ends them all, who else would wait for it
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    srun += [f"--cpus-per-task={here * segment.threads}", "--kill-on-bad-exit=1"]
    if "SLURM_GPUS_ON_NODE" in os.environ:
        srun.append(f"--gpus={processes}")
    # Ranks follow the machines' order, so that sums are made in the same order at each start. SLURM
    # spreads a job's GPUs as it likes, 3 and 1 of 4 on two machines, and a process has one each.
    on_node = f"PET_NODE_RANK=$SLURM_NODEID PET_NPROC_PER_NODE=${{SLURM_GPUS_ON_NODE:-{here}}}"
    as_node = ["sh", "-c", f'{on_node} exec "$@"', "sh"]
    meeting = [f"--master-addr={socket.gethostname()}", f"--master-port={free_port()}"]
    return [*srun, *as_node, *torchrun, f"--nnodes={nodes}", *meeting, *program]


def free_port() -> int:
    """A port that nothing on this machine listens at, taken seconds later.

    Not one that the machine may give to any connection meanwhile: Linux takes those from a range
    of its own, and lower ones are left to programs that ask for them.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", PORTS[0] + secrets.randbelow(PORTS[1] - PORTS[0])))
            return int(probe.getsockname()[1])
