"""How to take the singular values of a vocabulary-sized matrix: time and error, side by side.

    PYTHONPATH=src python benchmarks/spectrum.py

One thread. CPU seconds, the least of three, for the singular values alone and for both them and the
right singular vectors (which the partition isotropy needs). Gaussian: i.i.d. entries, compared
with the direct SVD. Collapsed: a planted spectrum that falls evenly in logarithm from 1 to 1e-14,
compared with what was planted. Errors are the largest |sigma - expected| / sigma_1 and the relative
error of the effective rank; rank counts the sigma above sigma_1 n eps, eps of float64.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from disentangle.geometry.decomposition import singular_values, triangular_factor
from disentangle.geometry.effective_ranks import effective_rank, numerical_rank

ROWS = 50304
DIMS = (128, 512, 768)
REPEATS = 3


class Method(NamedTuple):
    values: Callable[[torch.Tensor], torch.Tensor | np.ndarray]
    values_and_vectors: Callable[[torch.Tensor], object]


def gram(M: torch.Tensor) -> torch.Tensor:
    return torch.linalg.eigvalsh(M.T @ M).clamp(min=0).sqrt().flip(0)


def both_from_factor(M: torch.Tensor) -> object:
    R = triangular_factor(M)
    return singular_values(R), torch.linalg.svd(R).Vh


METHODS = {
    "direct SVD": Method(torch.linalg.svdvals, lambda M: torch.linalg.svd(M, full_matrices=False)),
    "direct SVD, float32": Method(
        lambda M: torch.linalg.svdvals(M.float()).double(),
        lambda M: torch.linalg.svd(M.float(), full_matrices=False),
    ),
    "Gram, eigvalsh": Method(gram, lambda M: torch.linalg.eigh(M.T @ M)),
    "QR, SVD of R (ours)": Method(singular_values, both_from_factor),
}


def collapsed(d: int) -> tuple[torch.Tensor, np.ndarray]:
    sigma = np.logspace(0, -14, d)
    U = torch.linalg.qr(torch.randn(ROWS, d, dtype=torch.float64)).Q
    V = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64)).Q
    return (U * torch.from_numpy(sigma)) @ V.T, sigma


def cpu_seconds(work: Callable[[torch.Tensor], object], M: torch.Tensor) -> float:
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        work(M)
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"{'':35}{'CPU seconds':>16}{'Gaussian':>20}{'collapsed':>27}")
    print(
        f"{'rows x dim':13}{'method':22}{'values':>8}{'and V':>8}"
        f"{'sigma':>10}{'eff. rank':>10}{'sigma':>11}{'eff. rank':>10}{'rank':>6}"
    )
    for d in DIMS:
        gaussian = torch.randn(ROWS, d, dtype=torch.float64)
        expected = torch.linalg.svdvals(gaussian).numpy()
        falling, planted = collapsed(d)
        for name, method in METHODS.items():
            seconds = [cpu_seconds(work, gaussian) for work in method]
            line = f"{f'{ROWS} x {d}':13}{name:22}{seconds[0]:8.2f}{seconds[1]:8.2f}"
            for M, exact in ((gaussian, expected), (falling, planted)):
                sigma = np.asarray(method.values(M))
                error = np.abs(sigma - exact).max() / exact[0]
                rank_error = abs(effective_rank(sigma) / effective_rank(exact) - 1)
                line += f"{error:10.0e}{rank_error:10.0e} "
            rank = numerical_rank(sigma, (ROWS, d), "float64")
            print(f"{line}{rank:6d}", flush=True)
        true_rank = numerical_rank(planted, (ROWS, d), "float64")
        print(f"{'':13}{'as planted':80}{true_rank:6d}")


if __name__ == "__main__":
    main()
