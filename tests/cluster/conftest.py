"""A private one-node SLURM cluster: real daemons, one GPU that is a file."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("one_node_slurm.sh")
HARDWARE = {"SLURM_CI_GPUS": "1", "SLURM_CI_CPUS": "4", "SLURM_CI_MEM": "16000"}


def free_ports() -> dict[str, str]:
    """Ports for the daemons, so that another such cluster on this machine is not in the way."""
    with socket.socket() as one, socket.socket() as two:
        for opened in (one, two):
            opened.bind(("127.0.0.1", 0))
        ctld, slurmd = (str(opened.getsockname()[1]) for opened in (one, two))
    return {"SLURM_CI_CTLD_PORT": ctld, "SLURM_CI_SLURMD_PORT": slurmd}


@dataclass
class Cluster:
    """The cluster, as its users see it."""

    environment: dict[str, str]
    """For programs that talk to it."""
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    """Every job's last record, by id: SLURM forgets jobs some minutes after their end."""
    users: list[subprocess.Popen[str]] = field(default_factory=list)
    """Workflows that were started on it."""

    def run(self, *command: str) -> str:
        """Run one of SLURM's commands."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def look(self) -> None:
        """Note all jobs that the scheduler knows now."""
        for line in self.run("scontrol", "--oneliner", "show", "job").splitlines():
            record = dict(part.split("=", 1) for part in line.split() if "=" in part)
            if "JobId" in record:
                self.seen[record["JobId"]] = record

    def jobs(self, comment: str, folder: Path) -> list[dict[str, str]]:
        """Records of a folder's jobs whose comment (rule and wildcards) starts so, in order."""
        self.look()
        return [
            record
            for _, record in sorted(self.seen.items(), key=lambda item: int(item[0]))
            if record.get("Comment", "").startswith(comment) and record["WorkDir"] == str(folder)
        ]

    def queue(self) -> list[str]:
        """Ids of the jobs that wait or run."""
        return self.run("squeue", "--noheader", "--format=%i").split()


def _why_not() -> str | None:
    missing = [
        name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)
    ]
    if missing:
        return f"SLURM is not installed ({', '.join(missing)} missing); Debian: slurm-wlm munge"
    return None if os.getuid() == 0 else "SLURM's daemons are started as root here"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := _why_not():
        if os.environ.get("DISENTANGLE_MUST_HAVE_SLURM"):
            pytest.fail(reason)
        pytest.skip(f"NOT TESTED ON A CLUSTER: {reason}")
    state = tmp_path_factory.mktemp("slurm")
    subprocess.run([SCRIPT, "start", state], check=True, env=os.environ | HARDWARE | free_ports())
    cluster = Cluster(
        os.environ
        | {
            "SLURM_CONF": str(state / "etc" / "slurm.conf"),
            "PATH": f"{state / 'bin'}:{os.environ['PATH']}",
        }
    )
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(5):
            cluster.look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield cluster
    finally:
        for user in cluster.users:
            user.kill()
        ended.set()
        watcher.join()
        subprocess.run([SCRIPT, "stop", state], check=True)
