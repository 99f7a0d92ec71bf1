"""What jobs ask for grows with the run and with each attempt, and is what the study says."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disentangle.errors import StudyError
from disentangle.study import Run, read_config
from disentangle.study.resources import (
    job_minutes,
    measuring_resources,
    recovery_resources,
    refuse_more_than,
    refuse_uneven_batches,
    tokenizing_minutes,
    training_resources,
)
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.execution import Demand, Execution
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.study.sections.perturbation import Perturbation


def run(d_model: int = 64, layers: int = 2, tokens: int = 1_000_000, batch: int = 16) -> Run:
    model = Model(sequence_length=128)
    h = Hyperparameters(
        tokens=tokens, batch_size=batch, weight_decay=0.1, learning_rate=1, final_lr=0.1, seed=0
    )
    return Run(
        name="a",
        size=Size(name="S", d_model=d_model, n_layers=layers, n_heads=2),
        model=model,
        optimizer=Optimizer(learning_rate=1e-3),
        hyperparameters=h,
        vocabulary=50280,
        rows=50304,
        steps=tokens // (batch * 128),
        checkpoints=(0, 1),
    )


def test_a_known_run() -> None:
    # 28 bytes a weight; for each token 16 bytes a logit, and 160 a layer and unit of width
    weights = 28 * (12 * 16 * 768**2 + 2 * 50304 * 768)
    micro_batch = 8 * 128 * (16 * 50304 + 160 * 12 * 768)
    asked = training_resources(
        [run(768, 12, tokens=1_000_000_000)], Execution(micro_batch=8, flops_per_second=4e13)
    )
    assert asked.mem_mb == round(2500 + (weights + micro_batch) / 1e6)
    # 6 x (12 x 16 x 768^2 + 50304 x 768) x 10^9 operations at 4e13 a second
    operations = 6 * (12 * 16 * 768**2 + 50304 * 768) * 1e9
    assert asked.runtime == pytest.approx(15 + operations / 4e13 / 60, abs=1)
    assert (asked.gpu, asked.nodes, asked.threads) == (1, 1, 1)


@given(
    attempt=st.integers(1, 5), d=st.sampled_from([16, 64, 512]), tokens=st.integers(10**5, 10**12)
)
def test_each_attempt_asks_for_more_within_the_partition(attempt: int, d: int, tokens: int) -> None:
    execution = Execution(max_runtime=600)
    for resources_of in (training_resources, measuring_resources):
        before = resources_of([run(d, tokens=tokens)], execution, attempt)
        after = resources_of([run(d, tokens=tokens)], execution, attempt + 1)
        assert after.mem_mb == pytest.approx(1.5 * before.mem_mb, abs=1.5)
        assert after.runtime == min(600, 2 * before.runtime) or after.runtime == pytest.approx(
            2 * before.runtime, abs=2
        )
        assert before.runtime <= after.runtime <= 600


def test_no_attempt_asks_for_more_memory_than_a_machine_has() -> None:
    demand = {"S": Demand(mem_mb=6000)}
    execution = Execution(max_mem_mb=16_000, by_size=demand)
    asked = [training_resources([run()], execution, attempt).mem_mb for attempt in (1, 2, 3, 4)]
    assert asked == [6000, 9000, 13_500, 16_000]
    assert training_resources([run()], Execution(by_size=demand), 4).mem_mb == 20_250


@pytest.mark.parametrize("larger", [{"d_model": 128}, {"layers": 4}])
def test_a_larger_model_asks_for_more(larger: dict[str, int]) -> None:
    execution = Execution(flops_per_second=1e9)
    small, large = (training_resources([r], execution) for r in (run(), run(**larger)))
    assert large.mem_mb > small.mem_mb and large.runtime > small.runtime


def test_a_study_overrides_what_is_estimated() -> None:
    demand = Demand(gpu=8, nodes=2, mem_mb=9000, runtime=90)
    execution = Execution(threads=2, by_size={"S": demand})
    asked = training_resources([run()], execution)
    assert (asked.gpu, asked.nodes, asked.mem_mb, asked.runtime) == (8, 2, 9000, 90)
    assert asked.threads == 8  # on each of two nodes, four processes
    assert measuring_resources([run()], execution).gpu == 1
    other = replace(run(), size=Size(name="other", d_model=64, n_layers=2, n_heads=2))
    assert training_resources([other], execution).gpu == 1


def test_only_a_job_of_several_nodes_starts_its_programs_itself() -> None:
    execution = Execution(by_size={"S": Demand(gpu=4, nodes=2)})
    asked = training_resources([run()], execution)
    assert (asked.tasks, asked.mpi) == (2, "srun")
    for one_node in (
        measuring_resources([run()], execution),
        training_resources([run()], Execution()),
    ):
        assert (one_node.tasks, one_node.mpi) == (None, None)


def test_a_cluster_without_gpus() -> None:
    execution = Execution(by_size={"S": Demand(gpu=0)})
    assert training_resources([run()], execution).gpu == 0
    assert measuring_resources([run()], execution).gpu == 0


def test_a_shard_asks_for_the_time_of_its_tokens(paper_config: dict[str, Any]) -> None:
    def minutes(**corpus: Any) -> int:
        changed = paper_config | {"corpus": paper_config["corpus"] | corpus}
        config = read_config(changed)
        return job_minutes(tokenizing_minutes(config), config.execution)

    per_shard = 130e9 / 30 / 100_000 / 60 / 8  # on eight threads
    assert minutes() == pytest.approx(15 + per_shard, abs=1)
    assert minutes(shards=60) == pytest.approx(15 + per_shard / 2, abs=1)
    assert minutes(limit=None) == paper_config["execution"]["max_runtime"]


def test_more_gpus_than_there_are_are_refused_by_size() -> None:
    execution = Execution(by_size={"S": Demand(gpu=4)})
    refuse_more_than([run()], execution, gpu=4)
    with pytest.raises(StudyError, match=r"gpu=1 allows: S: 4"):
        refuse_more_than([run()], execution, gpu=1)


def test_batches_that_gpus_cannot_share_are_refused_before_anything_starts() -> None:
    execution = Execution(by_size={"S": Demand(gpu=4)})
    target = run(batch=6).hyperparameters.model_dump() | {"domain": "code"}
    perturbation = Perturbation.model_validate({"runs": ["*"], "finetune": {"code": target}})
    refuse_uneven_batches([run(batch=16)], execution, Perturbation())
    with pytest.raises(StudyError, match="S: a batch of 18 over 4 GPUs"):
        refuse_uneven_batches([run(batch=18)], execution, Perturbation())
    with pytest.raises(StudyError, match=r"a batch of 6 of perturbation.finetune.code over 4"):
        refuse_uneven_batches([run(batch=16)], execution, perturbation)
    refuse_uneven_batches([run(batch=18)], Execution(), perturbation)
    surgery = {
        "operations": {"turn": {"kind": "rotate"}},
        "recovery": run(batch=6).hyperparameters.model_dump(),
    }
    perturbation = Perturbation.model_validate({"runs": ["*"], "surgery": surgery})
    with pytest.raises(StudyError, match=r"a batch of 6 of perturbation.surgery.recovery over 4"):
        refuse_uneven_batches([run(batch=16)], execution, perturbation)


def test_the_recoveries_of_a_run_share_a_job() -> None:
    recovery = run(tokens=2_000_000).hyperparameters.model_dump()
    surgery = {"operations": {"turn": {"kind": "rotate"}}, "recovery": recovery}
    perturbation = Perturbation.model_validate({"surgery": surgery})
    execution = Execution(flops_per_second=1e9, max_runtime=10**9)
    asked = recovery_resources([run()], execution, perturbation=perturbation)
    longer = training_resources([run(tokens=2_000_000)], execution)
    # the operation and the sham, head and all
    assert asked.runtime - 15 == pytest.approx(4 * (longer.runtime - 15), abs=2)
    assert asked.mem_mb == longer.mem_mb


def test_runs_that_share_a_job_add_up_in_time_and_not_in_memory() -> None:
    execution = Execution(flops_per_second=1e9, max_runtime=10**9)
    one, two = (training_resources([run()] * n, execution) for n in (1, 2))
    assert two.runtime - 15 == pytest.approx(2 * (one.runtime - 15), abs=1)
    assert (two.mem_mb, two.gpu, two.threads) == (one.mem_mb, one.gpu, one.threads)
    largest = training_resources([run(), run(batch=64)], execution)
    assert largest.mem_mb == training_resources([run(batch=64)], execution).mem_mb > one.mem_mb
    measured = [measuring_resources([run()] * n, execution) for n in (1, 2)]
    assert measured[1].runtime - 15 == pytest.approx(2 * (measured[0].runtime - 15), abs=1)
