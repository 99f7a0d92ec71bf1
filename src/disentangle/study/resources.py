"""The cluster resources of a job, estimated from its runs.

Estimates are conservative and follow from the runs' shape and the study's `execution` section. A
job that was killed because it exceeded its resources is submitted again with more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from disentangle.errors import StudyError
from disentangle.study.config import StudyConfig
from disentangle.study.perturbation import (
    finetuning_run,
    perturbed_runs,
    recoveries,
    recovery_run,
)
from disentangle.study.run import Run, own_flops
from disentangle.study.sections.execution import Demand, Execution
from disentangle.study.sections.perturbation import Perturbation

LIBRARIES_MB = 2500
"""Two Snakemake processes (0.3 GB each, in a cluster's job), and the libraries of a process that
trains or measures (0.9 to 1.6 GB)."""

BYTES_TRAINED = 28
"""Per weight: weight, gradient and two moments in fp32 (16), and a copy of weights and moments
while state is saved (12)."""

BYTES_MEASURED = 16
"""Per weight: the fp32 model, and its largest matrix in double precision with workspace."""

BYTES_PER_LOGIT = 16
"""Logits, their float32 copy, log-probabilities and their gradient."""

BYTES_PER_ACTIVATION = 160
"""Per token, layer and unit of width: activations that a block keeps for the backward pass."""

STARTING_MINUTES = 15
"""For loading libraries from a slow shared disk, and for hashing and writing checkpoints."""

TOKENIZED_PER_SECOND = 100_000
"""Tokens that one thread encodes, or decodes to compare with the held-out text."""

EXTERNAL_MB, EXTERNAL_SECONDS = 16_000, 7200
"""For a model from elsewhere: enough for a few hundred million weights at a few dozen steps."""

TOKENS_READ = 5_000_000
"""Tokens that geometry and evaluation read per checkpoint, at most about this many."""


@dataclass(frozen=True)
class JobResources:
    """What one job requests."""

    gpu: int
    """GPUs, one training process each."""
    nodes: int
    threads: int
    """CPU threads on each node, for all its processes together."""
    mem_mb: int
    """On each node."""
    runtime: int
    """Minutes."""

    @property
    def tasks(self) -> int | None:
        """Programs that a job on several nodes starts, one per node; None for a single node."""
        return self.nodes if self.nodes > 1 else None

    @property
    def mpi(self) -> str | None:
        """The launcher with which such a job starts them; None for a single node."""
        return "srun" if self.nodes > 1 else None


def training_resources(runs: Sequence[Run], execution: Execution, attempt: int = 1) -> JobResources:
    """Resources of the job that trains runs of one size, one after the other.

    Memory is for the weights and one micro-batch, as if on the CPU; time is for 6 N D operations
    (`own_flops`) at `execution.flops_per_second`.

    Args:
        runs: the runs to train.
        execution: the study's section; its `by_size` replaces estimates.
        attempt: 1, 2, ...: each further attempt requests 1.5 times the memory and twice the time.
    """
    demand = execution.by_size.get(runs[0].size.name, Demand())
    gpu = 1 if demand.gpu is None else demand.gpu
    nodes = demand.nodes or 1
    processes = max(1, gpu // nodes)
    held = max(_held_in_training(run, execution) for run in runs)
    operations = sum(own_flops(run) for run in runs)
    seconds = operations / (execution.flops_per_second * max(1, gpu))
    return JobResources(
        gpu=gpu,
        nodes=nodes,
        threads=execution.threads * processes,
        mem_mb=_mem_mb(demand, execution, processes * (LIBRARIES_MB + held / 1e6), attempt),
        runtime=_runtime(demand, execution, seconds, attempt),
    )


def _held_in_training(run: Run, execution: Execution) -> float:
    """Bytes for weights, gradients and optimizer state, and for one micro-batch's activations."""
    weights = run.params_non_embedding + run.params_embedding
    sequences = min(execution.micro_batch, run.hyperparameters.batch_size)
    width = BYTES_PER_LOGIT * run.rows
    width += BYTES_PER_ACTIVATION * run.size.n_layers * run.size.d_model
    return BYTES_TRAINED * weights + sequences * run.model.sequence_length * width


def finetuning_resources(
    runs: Sequence[Run], execution: Execution, attempt: int = 1, *, perturbation: Perturbation
) -> JobResources:
    """Resources of the job that trains runs' last checkpoints further, on every target."""
    further = [
        finetuning_run(run, target, perturbation)
        for run in runs
        for target in perturbation.finetune
    ]
    return training_resources(further or runs, execution, attempt)


def recovery_resources(
    runs: Sequence[Run], execution: Execution, attempt: int = 1, *, perturbation: Perturbation
) -> JobResources:
    """Resources of the job that trains runs' last checkpoints further after surgery."""
    surgery = perturbation.surgery
    further = (
        [recovery_run(run, *each, surgery) for run in runs for each in recoveries(surgery)]
        if surgery
        else []
    )
    return training_resources(further or runs, execution, attempt)


def measuring_resources(
    runs: Sequence[Run], execution: Execution, attempt: int = 1, *, positions: int = 0
) -> JobResources:
    """Resources of a job that reads checkpoints of runs of one size: geometry, or evaluation.

    Time is for 2 N D operations, with D = `TOKENS_READ` for each checkpoint. Arguments are as for
    `training_resources`; `positions` is the number of tokens in one batch, whose logits are held at
    once.
    """
    run = runs[0]
    demand = execution.by_size.get(run.size.name, Demand())
    weights = run.params_non_embedding + run.params_embedding
    per_token = 2 * (run.params_non_embedding + run.rows * run.size.d_model)
    checkpoints = sum(len(run.checkpoints) for run in runs)
    seconds = per_token * TOKENS_READ * checkpoints / execution.flops_per_second
    held = BYTES_MEASURED * weights + BYTES_PER_LOGIT * run.rows * positions
    return JobResources(
        gpu=0 if demand.gpu == 0 else 1,
        nodes=1,
        threads=execution.threads,
        mem_mb=_mem_mb(demand, execution, LIBRARIES_MB + held / 1e6, attempt),
        runtime=_runtime(demand, execution, seconds, attempt),
    )


def job_minutes(estimate: float, execution: Execution, attempt: int = 1) -> int:
    """Minutes that a job requests; no job of any rule requests more than `max_runtime`.

    Args:
        estimate: estimated run time in minutes.
        execution: the study's section.
        attempt: 1, 2, ...: each further attempt requests twice the time.
    """
    return round(min(execution.max_runtime, estimate * 2 ** (attempt - 1)))


def job_megabytes(estimate: float, execution: Execution, attempt: int = 1) -> int:
    """Memory that a job requests; no job of any rule requests more than `max_mem_mb`.

    Args:
        estimate: estimated memory in MB.
        execution: the study's section.
        attempt: 1, 2, ...: each further attempt requests 1.5 times as much, even if the job failed
            for another reason, since Snakemake does not know why.
    """
    asked = round(estimate * 1.5 ** (attempt - 1))
    return asked if execution.max_mem_mb is None else min(execution.max_mem_mb, asked)


def tokenizing_minutes(config: StudyConfig) -> float:
    """Estimate of the job that makes one shard of the tokens, at `TOKENIZED_PER_SECOND`.

    If the number of tokens is not given, it is the longest time that a job may take.
    """
    if config.corpus.limit is None:
        return config.execution.max_runtime
    seconds = config.corpus.limit / config.corpus.shards / TOKENIZED_PER_SECOND
    return STARTING_MINUTES + seconds / 60 / config.execution.threads


def external_resources(name: str, execution: Execution, attempt: int = 1) -> JobResources:
    """Resources of a job that reads a model from elsewhere, whose shape is not known in advance.

    Arguments are as for `training_resources`; `execution.by_size` may name the model.
    """
    demand = execution.by_size.get(name, Demand())
    return JobResources(
        gpu=0 if demand.gpu == 0 else 1,
        nodes=1,
        threads=execution.threads,
        mem_mb=_mem_mb(demand, execution, EXTERNAL_MB, attempt),
        runtime=_runtime(demand, execution, EXTERNAL_SECONDS, attempt),
    )


def refuse_more_than(runs: Iterable[Run], execution: Execution, gpu: int) -> None:
    """Refuse a study with a training job that needs more GPUs than are available.

    Snakemake would reduce the job's request to the available GPUs, and it would train with fewer
    processes than the study says.

    Args:
        runs: the study's runs.
        execution: the study's section.
        gpu: GPUs available to all jobs together.

    Raises:
        StudyError: naming the sizes, what they request and what is available.
    """
    asked = {run.size.name: training_resources([run], execution).gpu for run in runs}
    if beyond := [f"{size}: {many}" for size, many in asked.items() if many > gpu]:
        raise StudyError(
            f"Some runs ask for more GPUs than --resources gpu={gpu} allows: {', '.join(beyond)}\n"
            "Allow more, or request fewer in execution.by_size.<size>.gpu."
        )


def refuse_uneven_batches(
    runs: Iterable[Run], execution: Execution, perturbation: Perturbation
) -> None:
    """Refuse a study with a batch that its processes cannot share evenly.

    Args:
        runs: the study's runs.
        execution: the study's section.
        perturbation: the study's section, whose further trainings have their own batch sizes.

    Raises:
        StudyError: naming sizes, batches and numbers of processes.
    """
    uneven: dict[str, None] = {}
    for run in runs:
        processes = max(1, training_resources([run], execution).gpu)
        batches = {"": run.hyperparameters.batch_size}
        if perturbed_runs([run], perturbation):
            batches |= {
                f" of perturbation.finetune.{name}": target.batch_size
                for name, target in perturbation.finetune.items()
            }
            if surgery := perturbation.surgery:
                batches[" of perturbation.surgery.recovery"] = surgery.recovery.batch_size
        for of, batch in batches.items():
            if batch % processes:
                uneven[f"{run.size.name}: a batch of {batch}{of} over {processes} GPUs"] = None
    if uneven:
        raise StudyError(
            "Some batches are not divisible by their number of GPUs:\n  "
            + "\n  ".join(uneven)
            + "\nSet execution.by_size.<size>.gpu to a divisor, or change the batch."
        )


def _mem_mb(demand: Demand, execution: Execution, estimate: float, attempt: int) -> int:
    return job_megabytes(demand.mem_mb or estimate, execution, attempt)


def _runtime(demand: Demand, execution: Execution, seconds: float, attempt: int) -> int:
    return job_minutes(demand.runtime or STARTING_MINUTES + seconds / 60, execution, attempt)
