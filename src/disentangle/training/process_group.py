"""The device of a training process, and the processes that it shares a batch with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch.distributed import HashStore  # type: ignore[attr-defined]  # exported, not declared
from torch.distributed.fsdp import (
    FullStateDictConfig,
    FullyShardedDataParallel,
    StateDictType,
)


def training_device() -> torch.device:
    """This process's GPU, or the CPU if there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", 0))
    torch.cuda.set_device(local)
    torch.cuda.init()  # OLMo checks that CUDA is initialised, not that it is available
    return torch.device("cuda", local)


@contextmanager
def process_group(device: torch.device) -> Iterator[int]:
    """Join the process group of torchrun, or form one of a single process; yields its size."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:
        # a store in memory instead of a TCP port, so that parallel jobs cannot collide
        dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    try:
        yield dist.get_world_size()
    finally:
        dist.destroy_process_group()


def whole_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights of a wrapped model by their original names; a sharded model is gathered on rank 0.

    All processes must call it. For a sharded model, only rank 0 gets the weights.
    """
    if isinstance(model, FullyShardedDataParallel):
        gathered = FullStateDictConfig(offload_to_cpu=True, rank0_only=True)
        with FullyShardedDataParallel.state_dict_type(
            model, StateDictType.FULL_STATE_DICT, gathered
        ):
            return model.state_dict()
    whole = model.module
    assert isinstance(whole, torch.nn.Module)
    return whole.state_dict()
