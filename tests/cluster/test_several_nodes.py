"""A run on two nodes of a partition that may be taken away: it ends as on one node undisturbed.

One run is stopped in all ways that a cluster has. Each costs it what was not saved, and no more.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from on_cluster import (
    MAX_RUNTIME,
    PROFILE,
    Underway,
    configure,
    ended_well,
    screen_of,
    start,
    step_seconds,
    steps_made,
    take_text,
    wait_until,
)
from private_cluster import Cluster
from tiny_study import BIN, lay_out

from disentangle.storage import sha256_of

pytestmark = pytest.mark.timeout(1800)  # a test that waits for studies waits for the machine

ALONE_SECONDS = 4
"""What the run would take a single process; four of them that talk take some times as long."""
BATCH = 8
SPREAD = {"gpu": 4, "nodes": 2, "mem_mb": 6000}
"""The partition has a node of one GPU, and two of three."""
WAYS = ["cancelled", "preempted", "told to go back", "a node lost"]


@dataclass(frozen=True)
class Stopped:
    """The run that was stopped in all `WAYS`, and the same run that was not."""

    spread: Path
    alone: Path
    lost: str
    """The node that died."""
    jobs: list[dict[str, str]]
    starts: list[dict[str, object]]


def starts_of(folder: Path) -> list[dict[str, object]]:
    found = list(folder.glob("results/tiny/checkpoints/*/starts.jsonl"))
    return [json.loads(line) for line in found[0].read_text().splitlines()] if found else []


def states_of(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("results/tiny/checkpoints/*/trainer/step*-unsharded")}


def stop(cluster: Cluster, way: str, job: str) -> None:
    if way == "cancelled":
        cluster.run("scancel", job)
    elif way == "preempted":  # by a job of another partition that takes all its nodes
        whole = ("--partition=wide", "--nodes=3", "--exclusive", "--time=1")
        cluster.run("sbatch", *whole, "--output=/dev/null", "--wrap", "sleep 3")
    elif way == "told to go back":
        cluster.run("scancel", "--signal=URG", job)
    else:  # not that of the launcher
        cluster.lose(cluster.nodes_of(job)[-1])


@pytest.fixture(scope="module")
def stopped(
    cluster: Cluster,
    underway: Underway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Stopped:
    spread, alone = (lay_out(tmp_path_factory.mktemp(name)) for name in ("spread", "alone"))
    for folder, demand in ((spread, SPREAD), (alone, {"gpu": SPREAD["gpu"]})):
        config = yaml.safe_load((folder / "tiny.yaml").read_text())
        steps = int(ALONE_SECONDS / step_seconds(underway.local))
        tokens = steps * BATCH * config["model"]["sequence_length"]
        base = config["design"]["base"] | {"batch_size": BATCH, "tokens": tokens}
        configure(
            folder,
            sizes=[size for size in config["sizes"] if size["name"] == "4K"],
            design={"base": base, "sweeps": []},
            perturbation={
                "runs": ["*"],
                "quantize": None,
                "finetune": {"code": {"tokens": "2k", "batch_size": BATCH}},
            },
            execution={
                "max_runtime": MAX_RUNTIME,
                "save_minutes": 0.02,
                "by_size": {"4K": demand},
            },
        )
        take_text(underway.local, folder)
    profile = spread / "slurm" / "config.yaml"
    place = "# slurm_partition: \"'gpu'\""
    assert place in profile.read_text()
    profile.write_text(profile.read_text().replace(place, "slurm_partition: \"'spot'\""))
    here = start(cluster, alone, "--cores", "2", "perturb")
    there = start(cluster, spread, *PROFILE, "perturb")
    for number, way in enumerate(WAYS, start=1):
        wait_until(there, spread, lambda n=number: len(starts_of(spread)) == n)
        before, since = steps_made(spread), states_of(spread)
        wait_until(there, spread, lambda b=before: steps_made(spread) > b + 30)
        wait_until(there, spread, lambda s=since: states_of(spread) - s)
        job = str(starts_of(spread)[-1]["job"])
        nodes = cluster.nodes_of(job)
        stop(cluster, way, job)
    wait_until(there, spread, lambda: cluster.is_lost(nodes[-1]))
    cluster.clear(job)
    ended_well(there, spread)
    ended_well(here, alone)
    jobs = cluster.jobs("rule_pretrain", spread)
    return Stopped(spread, alone, nodes[-1], jobs, starts_of(spread))


def weights_of(folder: Path) -> dict[str, str]:
    results = folder / "results" / "tiny"
    return {
        path.relative_to(results).as_posix(): sha256_of(path)
        for kind in ("checkpoints", "perturbed")
        for path in sorted(results.glob(f"{kind}/**/model.safetensors"))
    }


def test_two_nodes_train_and_finetune_to_the_weights_of_one(stopped: Stopped) -> None:
    weights = weights_of(stopped.spread)
    assert weights == weights_of(stopped.alone)
    assert len(weights) == 4, "three checkpoints, and one that was trained further"
    assert {(start["processes"], start["nodes"]) for start in stopped.starts} == {(4, 2)}
    for rule in ("pretrain", "finetune"):
        (folder,) = stopped.spread.glob(f"results/tiny/logs/{rule}")
        assert list(folder.glob("*.log"))


def test_each_start_goes_on_from_what_the_one_before_had_saved(stopped: Stopped) -> None:
    steps = [int(str(start["from_step"])) for start in stopped.starts]
    stopped_at, after_the_loss = steps[: len(WAYS)], steps[len(WAYS) :]
    assert stopped_at == sorted(set(stopped_at)) and stopped_at[0] == 0
    # until the node is known to be lost, a start may meet it once more, and make no step
    assert after_the_loss == sorted(after_the_loss) and after_the_loss[0] > stopped_at[-1]
    (log,) = stopped.spread.glob("results/tiny/checkpoints/*/training.parquet")
    logged = pd.read_parquet(log)["step"].tolist()
    assert logged == list(range(1, len(logged) + 1))
    assert not list(stopped.spread.glob("results/tiny/*/*/.held"))
    assert not list(stopped.spread.glob("results/tiny/*/*/stopped.json"))


def test_a_cancelled_job_is_a_failure_that_snakemake_says_and_sends_again(
    stopped: Stopped,
) -> None:
    cancelled, sent_again, *_ = stopped.jobs
    assert cancelled["JobState"] == "CANCELLED"
    screen = screen_of(stopped.spread).read_text()
    assert "FAILED pretrain" in screen and "Trying again: pretrain" in screen
    assert f"SLURM-job '{cancelled['JobId']}' failed, SLURM status is: 'CANCELLED'" in screen
    jobs = [start["job"] for start in stopped.starts]
    assert jobs[0] == cancelled["JobId"] and jobs[1] == sent_again["JobId"]


def test_a_preempted_job_and_one_told_to_go_back_wait_and_run_again(stopped: Stopped) -> None:
    _, sent_again, *_ = stopped.jobs
    assert int(sent_again["Restarts"]) >= 2
    jobs = [start["job"] for start in stopped.starts]
    assert jobs[1] == jobs[2] == jobs[3] == sent_again["JobId"]
    assert sent_again["Partition"] == "spot"


def test_a_run_goes_on_when_a_node_of_it_died(stopped: Stopped) -> None:
    logs = stopped.spread.glob("results/tiny/logs/pretrain/*.failed")
    failed = "".join(path.read_text() for path in logs)
    assert len(stopped.jobs) == 2, f"a lost node takes none of the retries\n{failed}"
    assert stopped.jobs[-1]["JobState"] == "COMPLETED"
    assert stopped.jobs[-1]["NumNodes"] == "2"
    assert stopped.jobs[-1]["NodeList"] == {"n4": "n[2-3]", "n3": "n[2,4]"}[stopped.lost]


def test_a_job_notices_before_slurm_does_that_a_machine_died(
    stopped: Stopped, cluster: Cluster, tmp_path: Path
) -> None:
    """Else it would fail at once when it is sent to that machine again."""
    asks = "from disentangle.cluster import machines_answer as a; print(a(), flush=True)"
    ask = f"{BIN / 'python'} -c '{asks}'"
    heard, lost = tmp_path / "heard", tmp_path / "lost"
    script = f"{ask}; while [ ! -e {lost} ]; do sleep 0.2; done; {ask}"
    two_nodes = ("--partition=wide", "--nodes=2", "--ntasks=2", "--gpus=3", "--no-requeue")
    job = cluster.run("sbatch", "--parsable", *two_nodes, f"--output={heard}", "--wrap", script)
    while not (heard.exists() and heard.read_text()):
        time.sleep(0.2)
    assert heard.read_text() == "True\n"
    cluster.lose(cluster.nodes_of(job.strip())[-1])
    lost.touch()
    while "False\n" not in heard.read_text():
        assert heard.read_text().count("True") == 1
        time.sleep(0.2)
