"""How a study runs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from disentangle.study.sections.section import DropsNull, Name, Section


class Demand(Section):
    """What the jobs of one size ask a cluster for, where the estimate is not to be taken."""

    gpu: int | None = Field(None, ge=0)
    """GPUs of a training job, one process each; other jobs take one, or none if this is 0. It
    must be divisible by `nodes`, and every batch must be divisible by it."""
    nodes: int | None = Field(None, gt=0)
    """Machines over which the GPUs of a training job are spread evenly."""
    mem_mb: int | None = Field(None, gt=0)
    """Memory per machine, for every job."""
    runtime: int | None = Field(None, gt=0)
    """Minutes, for every job."""

    @model_validator(mode="after")
    def _evenly(self) -> "Demand":
        if (self.gpu or 1) % (self.nodes or 1):
            raise ValueError(f"gpu {self.gpu} must divide by nodes {self.nodes}")
        return self


class Execution(Section):
    """How jobs run, not what they compute: nothing here is part of a run's identity."""

    threads: int = Field(1, gt=0, le=4096)
    """CPU threads of one training process, and of one geometry or evaluation job."""
    runs_per_job: int = Field(1, gt=0, le=10_000)
    """The most runs of one size that a job trains one after the other, if training takes about as
    long as starting a job; see `study.cohorts`."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """Over several GPUs: a model on each (ddp), or shards of one model (fsdp)."""
    flops_per_second: float = Field(1e13, gt=0)
    """Throughput of one GPU when training small models; job times are estimated from it."""
    max_runtime: int = Field(24 * 60, gt=0)
    """The most minutes that a job asks for: the partition's limit. Longer training continues in
    the next job."""
    max_mem_mb: int | None = Field(None, gt=0)
    """The most memory per machine that a job asks for: what the partition's machines have. A retry
    asks for 1.5 times the memory, and a scheduler rejects what no machine has."""
    by_size: Annotated[dict[Name, Demand], DropsNull] = {}
    """Overrides of the estimates, by the name of a size."""
    micro_batch: int = Field(64, gt=0, le=10**7)
    """Sequences per device and forward pass; a larger batch is accumulated."""
    save_minutes: float = Field(10, gt=0)
    """Minutes between two saves of a run's state: the most that a killed run loses."""
