"""Where a matrix is measured: found, not configured."""

import torch

__all__ = ["COPIES", "device_for"]

COPIES = 4
"""Float64 copies of a matrix that exist at once at most: the matrix, the centred one, and the two
that QR makes."""

COPIES_BESIDE = 10
"""The same where another matrix of its shape is compared with it."""

SQUARES = 12
"""Float64 matrices of d x d that exist at once at most: Gram matrices, axes, and their workspace.
"""


def device_for(matrix: torch.Tensor, *, beside: bool = False) -> torch.device:
    """The GPU if there is one and its free memory takes all that is computed; else the CPU.

    What is computed takes `COPIES` n d + `SQUARES` d^2 numbers in float64. Memory that PyTorch
    keeps but does not use counts as free. The matrix may be on either device already.

    Args:
        matrix: n x d.
        beside: whether it is compared with another matrix of its shape.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    gpu = matrix.device if matrix.is_cuda else torch.device("cuda", torch.cuda.current_device())
    d = matrix.shape[-1]
    copies = COPIES_BESIDE if beside else COPIES
    needed = 8 * (copies * matrix.numel() + SQUARES * d * d)
    kept = torch.cuda.memory_reserved(gpu) - torch.cuda.memory_allocated(gpu)
    return gpu if needed <= torch.cuda.mem_get_info(gpu)[0] + kept else torch.device("cpu")
