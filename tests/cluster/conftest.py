"""A private SLURM cluster, and three studies that go side by side, since a cluster mostly waits."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from on_cluster import (
    MAX_RUNTIME,
    PROFILE,
    SMALL_MB,
    Underway,
    configure,
    ended_well,
    start,
    step_seconds,
    take_text,
    train_beyond_the_limit,
    wait_until,
)
from private_cluster import HARDWARE, SCRIPT, Cluster, free_ports, why_not
from tiny_study import lay_out


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := why_not():
        if os.environ.get("DISENTANGLE_MUST_HAVE_SLURM"):
            pytest.fail(reason)
        pytest.skip(f"NOT TESTED ON A CLUSTER: {reason}")
    state = tmp_path_factory.mktemp("slurm")
    subprocess.run([SCRIPT, "start", state], check=True, env=os.environ | HARDWARE | free_ports())
    cluster = Cluster(
        state,
        os.environ | {"SLURM_CONF": str(state / "etc" / "slurm.conf")},
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


@pytest.fixture(scope="session")
def underway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Underway:
    """Studies that others can go beside."""
    local, remote, limited = (
        lay_out(tmp_path_factory.mktemp(name)) for name in ("local", "remote", "limited")
    )
    perturbation = yaml.safe_load((local / "tiny.yaml").read_text())["perturbation"]
    for folder in (local, remote):  # of the size whose jobs are not killed for memory
        configure(folder, perturbation=perturbation | {"runs": ["4K_*"]})
    configure(
        remote, execution={"max_runtime": MAX_RUNTIME, "by_size": {"2K": {"mem_mb": SMALL_MB}}}
    )
    on_cluster = start(cluster, remote, *PROFILE)
    here = start(cluster, local, "--cores", "2", "--resources", "gpu=1")
    trained = "results/tiny/checkpoints/4K_*/manifest.json"
    targets = "results/tiny/tokens/targets/code.json"
    wait_until(here, local, lambda: list(local.glob(trained)) and list(local.glob(targets)))
    take_text(local, limited)
    limited_run = train_beyond_the_limit(cluster, limited, step_seconds(local))
    return Underway(local, remote, limited, {local: here, remote: on_cluster, limited: limited_run})


@pytest.fixture(scope="session")
def studies(underway: Underway) -> tuple[Path, Path, Path]:
    """Folders of the study on this machine, on the cluster, and with a run beyond its limit."""
    for folder, process in underway.processes.items():
        ended_well(process, folder)
    return underway.local, underway.remote, underway.limited
