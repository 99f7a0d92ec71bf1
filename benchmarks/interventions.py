"""What a push of W costs beside the training step that it follows.

python benchmarks/interventions.py

CPU-seconds on one thread. Both are timed in one process and in turns. A step is forward, backward,
clipping and AdamW of the whole model by our trainer's parts. At 50304 x 768 a step of the paper's
base has 128 sequences of 1024 tokens; one of 256 tokens is timed, and forward and backward, which
grow with the tokens, are multiplied.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from disentangle.interventions.push import Push
from disentangle.study.run import Run
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.interventions import (
    Factor,
    Gauge,
    Intervention,
    Norm,
    Rotate,
    Spectrum,
)
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.training.model import LossModel, head_weight
from disentangle.training.olmo_config import model_config

KINDS: dict[str, Intervention] = {
    "spectrum": Spectrum(kind="spectrum", target=0.4),
    "rotate": Rotate(kind="rotate", size=0.01),
    "norm": Norm(kind="norm", rms=0.2),
    "gauge": Gauge(kind="gauge", target=0.4),
    "log alone": Factor(kind="factor", share=1.0),
}


@dataclass(frozen=True)
class Shape:
    """A model and its batch."""

    rows: int
    d: int
    layers: int
    length: int
    tokens: int
    """Tokens of a step."""
    timed: int
    """Tokens that are timed."""
    turns: int


SHAPES = (
    Shape(2048, 32, 2, 128, tokens=2048, timed=2048, turns=30),
    Shape(50304, 768, 8, 1024, tokens=131_072, timed=256, turns=3),
)


def model_of(shape: Shape) -> LossModel:
    """The model, with random weights."""
    run = Run(
        name="cost",
        size=Size(name="cost", d_model=shape.d, n_layers=shape.layers, n_heads=shape.d // 16),
        model=Model(sequence_length=shape.length),
        optimizer=Optimizer(learning_rate=0.01),
        hyperparameters=Hyperparameters(
            tokens=10**9, batch_size=1, weight_decay=0.1, learning_rate=1, final_lr=0.1, seed=0
        ),
        vocabulary=shape.rows,
        rows=shape.rows,
        steps=10**6,
        checkpoints=(10**6,),
    )
    return LossModel(model_config(run, "cpu", 0))


def seconds(action: Callable[[], object]) -> float:
    """CPU-seconds of an action."""
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Print a line for each shape and kind."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for shape in SHAPES:
        model = model_of(shape)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
        length = min(shape.length, shape.timed)
        ids = torch.randint(shape.rows, (shape.timed // length, length))

        def passes(model: LossModel = model, ids: torch.Tensor = ids) -> None:
            (model(ids, labels=ids[:, 1:]) / ids.numel()).backward()

        def update(model: LossModel = model, optimizer: torch.optim.Optimizer = optimizer) -> None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

        pushes = {name: Push(does, shape.rows, seed=0) for name, does in KINDS.items()}
        W = head_weight(model).data
        times: dict[str, list[float]] = {name: [] for name in ("step", *KINDS)}
        passes()
        update()
        for turn in range(shape.turns):
            by_tokens = shape.tokens / shape.timed
            times["step"].append(by_tokens * seconds(passes) + seconds(update))
            for name, push in pushes.items():
                pushed = W.clone()
                push.begin(pushed)
                step = 20 + turn  # in the middle of its way
                times[name].append(seconds(lambda: push.after_step(pushed, step)))  # noqa: B023 called at once
        step = median(times["step"])
        print(f"{shape.rows} x {shape.d}: a step of {shape.tokens:,} tokens takes {step:.3g} s")
        for name in KINDS:
            cost = median(times[name])
            print(f"  {name:10} {1000 * cost:10.2f} ms   {100 * cost / step:6.2f} % of a step")


if __name__ == "__main__":
    main()
