"""What measuring a matrix costs: ours, numpy alone, WeightWatcher and IsoScore, in one run.

    PYTHONPATH=src python benchmarks/geometry.py

Gaussian float32 matrices of five shapes of real unembeddings. Each tool measures each matrix in a
process of its own, so that memory is the tool's; tools take turns. Columns: wall and CPU seconds,
the least of three turns (of one where a turn takes over a minute), and the peak of memory beyond
that of the matrix, in MiB. Ours: all metrics of `disentangle.measure`, before and after centering.
numpy: singular values of the matrix and of the centred one, by the Gram matrix. WeightWatcher: its
analysis of one layer, by default settings (it skips heads over 50,000 rows, so that limit is
raised). IsoScore: its one number. Where there is a GPU, the line "ours, GPU" measures there; its
memory is the GPU's, the matrix included. All other lines see no GPU.
"""

import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context
from typing import Any

SHAPES = [(2048, 64), (50304, 512), (50304, 768), (50304, 2048), (128256, 4096)]
"""Rows and columns: of small studies, Pythia 70m and 160m, Pythia 1.4b, Llama 3 8B."""

TURNS, LONG = 3, 60.0


def ours(M: Any) -> None:
    from disentangle import measure

    measure(M)


def numpy_alone(M: Any) -> None:
    import numpy as np

    X = M.astype(np.float64)
    for each in (X, X - X.mean(0)):
        np.sqrt(np.clip(np.linalg.eigvalsh(each.T @ each), 0, None))


def weightwatcher(M: Any) -> None:
    import torch
    import weightwatcher

    head = torch.nn.Linear(M.shape[1], M.shape[0], bias=False)
    head.weight.data = torch.from_numpy(M)
    watcher = weightwatcher.WeightWatcher(model=torch.nn.Sequential(head))
    watcher.analyze(max_N=1 << 30)


def isoscore(M: Any) -> None:
    from IsoScore.IsoScore import IsoScore

    IsoScore(M)


ON_GPU = "ours, GPU"

TOOLS = {
    "ours": ours,
    ON_GPU: ours,
    "numpy": numpy_alone,
    "weightwatcher": weightwatcher,
    "IsoScore": isoscore,
}


def turn(tool: str, shape: tuple[int, int]) -> tuple[float, float, float]:
    """Wall and CPU seconds, and MiB beyond the matrix, of one measurement."""
    warnings.simplefilter("ignore")
    if tool != ON_GPU:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is imported
    import numpy as np

    M = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    work: Callable[..., None] = TOOLS[tool]
    with redirect_stdout(StringIO()):  # WeightWatcher prints
        work(M[:600])  # imports and first calls
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        work(M)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    if tool == ON_GPU:  # its results are numbers in Python, so all of it was waited for
        import torch

        return *spent, torch.cuda.max_memory_allocated() / 2**20
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return *spent, (after - before) / 1024


def main() -> None:
    import torch

    tools = [tool for tool in TOOLS if tool != ON_GPU or torch.cuda.is_available()]
    shapes = [tuple(map(int, given.split("x"))) for given in sys.argv[1:]] or SHAPES
    print(f"{'shape':>14} {'tool':>14} {'wall s':>8} {'CPU s':>8} {'MiB':>8}")
    for shape in shapes:
        found: dict[str, list[tuple[float, float, float]]] = {tool: [] for tool in tools}
        for _ in range(TURNS):
            for tool, turns in found.items():
                if turns and turns[0][0] > LONG:
                    continue
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
                    try:
                        turns.append(alone.submit(turn, tool, shape).result())
                    except Exception as error:  # out of memory, or a shape that a tool refuses
                        print(f"{tool} at {shape}: {type(error).__name__}", file=sys.stderr)
        for tool, turns in found.items():
            if turns:
                wall, cpu, memory = (min(column) for column in zip(*turns, strict=True))
                name = " x ".join(map(str, shape))
                print(f"{name:>14} {tool:>14} {wall:8.2f} {cpu:8.2f} {memory:8.0f}", flush=True)


if __name__ == "__main__":
    main()
