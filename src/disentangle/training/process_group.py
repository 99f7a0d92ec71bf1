"""Where a training process runs: its device, and the processes it shares a batch with."""

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
    """This process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local = int(os.environ.get("LOCAL_RANK", 0))
    torch.cuda.set_device(local)
    torch.cuda.init()  # OLMo looks for a CUDA that is in use, not for one that is there
    return torch.device("cuda", local)


@contextmanager
def process_group(device: torch.device) -> Iterator[int]:
    """Join the processes torchrun started, or be the only one; gives their number."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend)
    else:
        # a store in memory instead of a TCP port: jobs side by side cannot collide
        dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    try:
        yield dist.get_world_size()
    finally:
        dist.destroy_process_group()


def whole_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights of a wrapped model by their own names; where it is sharded, gathered on rank 0.

    To be called by all processes; others than rank 0 of a sharded model get none.
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
