"""A private SLURM cluster of four nodes on one machine: real daemons, GPUs that are files."""

import os
import secrets
import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SCRIPT = Path(__file__).with_name("private_slurm.sh")
HARDWARE = {"SLURM_CI_CPUS": "4", "SLURM_CI_MEM": "16000"}
PORTS = ("CTLD", "N1", "N2", "N3", "N4")


def free_ports() -> dict[str, str]:
    """Ports for the daemons, so that another such cluster on this machine is not in the way."""
    return {f"SLURM_CI_{name}_PORT": str(port) for name, port in zip(PORTS, drawn(), strict=True)}


def drawn() -> set[int]:
    """As many ports that are free: below those that Linux gives to connections meanwhile."""
    found: set[int] = set()
    while len(found) < len(PORTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", secrets.choice(range(10_000, 20_000))))
            found.add(probe.getsockname()[1])
    return found


@dataclass
class Cluster:
    """The cluster, as its users see it."""

    state: Path
    """The folder of its daemons."""
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

    def _programs(self, **environment: str) -> list[psutil.Process]:
        """Programs of its jobs that have these variables of SLURM."""
        wanted = environment | {"SLURM_CONF": self.environment["SLURM_CONF"]}
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if wanted.items() <= process.environ().items():
                    found.append(process)
        return found

    def nodes_of(self, job: str) -> list[str]:
        """The nodes that a job has, its batch script on the first."""
        spelled = self.run("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()
        return self.run("scontrol", "show", "hostnames", spelled).split()

    def lose(self, node: str) -> None:
        """Let a node die: its daemon, and all that runs on it, without a word to anybody."""
        doomed = [psutil.Process(int((self.state / "run" / f"slurmd.{node}.pid").read_text()))]
        doomed += self._programs(SLURMD_NODENAME=node)
        steps = [
            parent
            for process in doomed
            for parent in process.parents()
            if parent.name().startswith("slurmstepd")
        ]
        kill([*doomed, *steps])

    def clear(self, job: str) -> None:
        """Kill what a job has left behind, as a site's cgroups do.

        Without them SLURM loses sight of programs whose parent it has killed.
        """
        kill(self._programs(SLURM_JOB_ID=job))

    def is_lost(self, node: str) -> bool:
        """Whether the scheduler has noticed that a node died."""
        return "down" in self.run("sinfo", "--noheader", "--nodes", node, "--format=%t")


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def why_not() -> str | None:
    """What is missing here to start one."""
    missing = [
        name for name in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(name)
    ]
    if missing:
        return f"SLURM is not installed ({', '.join(missing)} missing); Debian: slurm-wlm munge"
    return None if os.getuid() == 0 else "SLURM's daemons are started as root here"
