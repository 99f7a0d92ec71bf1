"""Where a training process runs: its device, and the processes it shares a batch with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch.distributed import HashStore  # type: ignore[attr-defined]  # exported, not declared


def find_device() -> torch.device:
    """This process's GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.init()  # OLMo looks for a CUDA that is in use, not for one that is there
    return torch.device("cuda")


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
