"""Tokens per CPU-second of training small models: ours, the stock trainer, a bare loop.

python benchmarks/training.py

All train the same models on one thread with AdamW and clipping. The bare loop has no trainer:
OLMo's model, torch's cross-entropy of all logits, torch's optimizer. The three take turns, each in
a process of its own, so that they share what else the machine does and nothing more. As in a study
on two cores, a copy of the same process runs beside each. A figure is the median of its turns.
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from olmo.config import TrainConfig
from olmo.data import DataCollator, build_memmap_dataset
from olmo.data.iterable_dataset import IterableDataset
from olmo.model import OLMo
from olmo.optim import build_optimizer, build_scheduler
from olmo.train import Trainer
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from disentangle.study.run import Run
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.training.log import TrainingLog
from disentangle.training.olmo_config import train_config
from disentangle.training.process_group import process_group
from disentangle.training.train import build_trainer

SHAPES = [
    (16, 1, 64, 8, 1024),
    (16, 1, 64, 16, 2048),
    (32, 2, 128, 16, 2048),
    (64, 2, 128, 16, 2048),
]
"""d_model, layers, sequence length, batch, vocabulary."""

TOKENS, TURNS, COPIES = 400_000, 3, 2
"""Tokens in one turn; turns; processes beside each other."""

CPU = torch.device("cpu")


def config_of(shape: tuple[int, ...], folder: Path) -> TrainConfig:
    """Training on random tokens, which cost what others cost."""
    d_model, n_layers, length, batch, vocabulary = shape
    tokens = folder / "tokens"
    np.random.default_rng(0).integers(0, vocabulary, 10**7, dtype=np.uint16).tofile(tokens)
    run = Run(
        name="speed",
        size=Size(name="speed", d_model=d_model, n_layers=n_layers, n_heads=2),
        model=Model(sequence_length=length),
        optimizer=Optimizer(learning_rate=0.01),
        hyperparameters=Hyperparameters(
            tokens=10**9, batch_size=batch, weight_decay=0.1, learning_rate=1, final_lr=0.1, seed=0
        ),
        vocabulary=vocabulary,
        rows=vocabulary,
        steps=10**6,
        checkpoints=(10**6,),
    )
    return train_config(
        run,
        [tokens],
        folder / "states",
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=batch,
        strategy="ddp",
    )


def ours(config: TrainConfig, folder: Path) -> Callable[[int], None]:
    """Our trainer, writing its log."""
    trainer = build_trainer(config, CPU)
    log = TrainingLog(folder / "steps.jsonl", resume_step=0)
    trainer.after_step = lambda _, record: log.append(record)
    return lambda steps: fit(trainer, steps)


def stock(config: TrainConfig, _: Path) -> Callable[[int], None]:
    """OLMo's trainer, model and data, as they come."""
    model = OLMo(config.model)
    dist_model: Any = DistributedDataParallel(model)
    dataset = IterableDataset(
        build_memmap_dataset(config, config.data, include_instance_metadata=False),  # type: ignore[arg-type]  # no Sequence
        config.global_train_batch_size,
        drop_last=True,
    )
    loader = DataLoader(
        dataset,
        batch_size=config.device_train_batch_size,
        drop_last=True,
        collate_fn=DataCollator(config.data.pad_direction, config.model.pad_token_id),
    )
    trainer = Trainer(
        cfg=config,
        model=model,
        dist_model=dist_model,
        optim=build_optimizer(config, dist_model),
        scheduler=build_scheduler(config),
        train_loader=loader,
        device=CPU,
        evaluators=[],
        epoch=0,
    )
    return lambda steps: fit(trainer, steps)


def fit(trainer: Trainer, steps: int) -> None:
    """Train this many further steps."""
    trainer.cfg.stop_at = trainer.global_step + steps
    trainer.fit()


def bare(config: TrainConfig, _: Path) -> Callable[[int], None]:
    """A loop of a dozen lines."""
    model = OLMo(config.model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    length, batch = config.model.max_sequence_length, config.global_train_batch_size
    tokens = np.memmap((config.data.paths or [])[0], np.uint16, "r")
    order = np.random.default_rng(0).permutation(len(tokens) // length)
    rows: Iterator[Any] = iter(order[: len(order) // batch * batch].reshape(-1, batch))

    def train(steps: int) -> None:
        for _ in range(steps):
            picked = tokens[: len(order) * length].reshape(-1, length)[next(rows)]
            ids = torch.from_numpy(picked.astype(np.int64))
            logits = model(ids).logits[:, :-1]
            loss = cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return train


ARMS: dict[str, Callable[[TrainConfig, Path], Callable[[int], None]]] = {
    "bare loop": bare,
    "stock trainer": stock,
    "ours": ours,
}


def speed(arm: str, shape: tuple[int, ...]) -> float:
    """Tokens per CPU-second."""
    warnings.simplefilter("ignore")
    logging.disable()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, process_group(CPU):
        train = ARMS[arm](config_of(shape, Path(folder)), Path(folder))
        per_step = shape[2] * shape[3]
        train(TOKENS // per_step // 4)
        start = time.process_time()
        train(TOKENS // per_step)
        return TOKENS // per_step * per_step / (time.process_time() - start)


def main() -> None:
    """Print a line for each shape."""
    print(f"{'tokens per CPU-second':36} {'  '.join(ARMS)}  ours/stock")
    with ProcessPoolExecutor(COPIES, get_context("spawn"), max_tasks_per_child=1) as pool:
        for shape in SHAPES:
            speeds: dict[str, list[float]] = {arm: [] for arm in ARMS}
            for _ in range(TURNS):
                for arm, measured in speeds.items():
                    measured += pool.map(speed, [arm] * COPIES, [shape] * COPIES)
            found = {arm: median(measured) for arm, measured in speeds.items()}
            d_model, n_layers, length, batch, vocabulary = shape
            name = f"d {d_model}, {n_layers} x {length}, batch {batch}, V {vocabulary}"
            columns = "  ".join(f"{value:{len(arm)},.0f}" for arm, value in found.items())
            print(f"{name:36} {columns}  {found['ours'] / found['stock trainer']:10.2f}")


if __name__ == "__main__":
    main()
