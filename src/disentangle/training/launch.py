"""Train with several processes: torchrun on this machine, or on each machine of a SLURM job."""

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
"""Range of ports for rendezvous of several machines, below those that Linux assigns itself."""


def train_on_many(segment: Segment, say: Say, *, processes: int, nodes: int) -> int | None:
    """Run `train` in `processes` processes, and wait for them.

    A stop signal is passed on to the processes, which then save and end.

    Args:
        segment: what they train.
        say: prints a message.
        processes: their number.
        nodes: machines of this SLURM job, with equally many processes each. If there are several,
            this function runs in the job's batch script, on the first machine.

    Returns:
        The number of the stop signal, if this process or any of them received one. If a machine
        of the job died, SIGURG, so that the job goes back to the queue.

    Raises:
        StudyError: if a process failed.
    """
    told = segment.folder / "segment.json"
    segment.write(told)
    segment.stopped.unlink(missing_ok=True)
    shared = os.environ | {"OLMO_SHARED_FS": "1"}  # else each machine writes the state
    command = [*_launcher(segment, processes, nodes), str(told)]
    launcher = subprocess.Popen(command, env=shared)  # noqa: S603 (ours)

    stopped_by: int | None = None

    def pass_on(signum: int, frame: object) -> None:
        nonlocal stopped_by
        stopped_by = signum
        if nodes > 1:
            signal_steps(signal.SIGURG)
            return
        # not through torchrun, which passes on only SIGTERM and then allows half a minute
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
        say(f"{segment.run.name}: a machine of this job does not respond")
        return signal.SIGURG
    if status:
        raise StudyError(
            f"{segment.run.name}: a training process ended with an error (status {status}).\n"
            "Saved state is kept. The traceback is in the job's log, and later in <log>.failed."
        )
    heard = _heard(segment.stopped)
    return stopped_by or heard


def _heard(stopped: Path) -> int | None:
    """The signal that the processes received: SLURM signals them, not the job's batch script."""
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
    # a launcher on each machine; if one fails, all end, because they would wait for it
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    srun += [f"--cpus-per-task={here * segment.threads}", "--kill-on-bad-exit=1"]
    if "SLURM_GPUS_ON_NODE" in os.environ:
        srun.append(f"--gpus={processes}")
    # Ranks follow the machines' order, so that each start sums in the same order. SLURM may spread
    # a job's GPUs unevenly, such as 3 and 1 on two machines; each process has one GPU.
    on_node = f"PET_NODE_RANK=$SLURM_NODEID PET_NPROC_PER_NODE=${{SLURM_GPUS_ON_NODE:-{here}}}"
    as_node = ["sh", "-c", f'{on_node} exec "$@"', "sh"]
    meeting = [f"--master-addr={socket.gethostname()}", f"--master-port={free_port()}"]
    return [*srun, *as_node, *torchrun, f"--nnodes={nodes}", *meeting, *program]


def free_port() -> int:
    """A free port of this machine, to be used within seconds.

    It lies below the range from which Linux assigns ports to connections, so that no connection
    takes it in the meantime.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", PORTS[0] + secrets.randbelow(PORTS[1] - PORTS[0])))
            return int(probe.getsockname()[1])
