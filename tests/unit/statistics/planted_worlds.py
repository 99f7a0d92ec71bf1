"""Suites with a known truth: the one-at-a-time design, and outcomes planted on it."""

from __future__ import annotations

import numpy as np
import pandas as pd

SIZES = {"4M": 4, "8M": 8, "17M": 17, "25M": 25, "34M": 34, "75M": 75}
BASE = {
    "tokens_budget": 32_000,
    "batch_size": 128,
    "weight_decay": 0.1,
    "learning_rate": 1.0,
    "final_lr": 0.1,
    "seed": 0,
}
VARIATIONS = [
    {},
    *({"seed": seed} for seed in (1, 2, 3)),
    *(
        {"tokens_budget": 1000 * tokens, "batch_size": batch}
        for tokens, batch in ((8, 32), (16, 64), (64, 256), (128, 512))
    ),
    *({"batch_size": batch} for batch in (32, 64, 256, 512)),
    *({"weight_decay": decay} for decay in (0.01, 0.5)),
    *({"learning_rate": rate} for rate in (0.1, 10.0)),
    *({"final_lr": rate} for rate in (0.0, 0.01)),
]


def paper_design() -> pd.DataFrame:
    """Six sizes by eighteen runs around a base configuration: 108 rows."""
    rows = [
        {"size": size, "params_non_embedding": millions * 1_000_000} | BASE | variation
        for size, millions in SIZES.items()
        for variation in VARIATIONS
    ]
    return pd.DataFrame(rows).assign(run=[f"run{i}" for i in range(len(rows))])


def replicated_design(sizes: int, seeds: int) -> pd.DataFrame:
    """The first `sizes` sizes, every configuration with as many seeds."""
    once = paper_design().query(
        "seed == 0 and size in @kept", local_dict={"kept": [*SIZES][:sizes]}
    )
    table = pd.concat([once.assign(seed=seed) for seed in range(seeds)], ignore_index=True)
    return table.assign(run=[f"run{i}" for i in range(len(table))])


def _z(values: pd.Series) -> np.ndarray:
    array = values.to_numpy(float)
    return (array - array.mean()) / (array.std() or 1.0)


def design_only(
    design: pd.DataFrame,
    rng: np.random.Generator,
    noise: float,
    *,
    interaction: bool,
    rho: float = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Geometry x and loss y that the training choices drive, strongly, each world in its own way.

    Every main effect has a slope and a curvature; with `interaction`, the slopes of weight decay
    and of batch change with size. The noises of x and y (standard deviation `noise`) correlate by
    `rho`, which is the whole of their association given the design.
    """
    size = _z(np.log(design["params_non_embedding"]))
    decay = _z(np.log(design["weight_decay"]))
    batch = _z(np.log(design["batch_size"]))
    others = [_z(np.log(design[name])) for name in ("tokens_budget", "learning_rate")]
    others.append(_z(design["final_lr"]))
    main = np.column_stack([size, decay, batch, *others])
    effects = np.hstack([main, main**2 - 1])
    if interaction:
        effects = np.hstack([effects, 1.5 * size[:, None] * np.column_stack([decay, batch])])
    driven = effects @ (0.5 * rng.standard_normal((effects.shape[1], 2)))
    e = rng.standard_normal((2, len(design)))
    e[1] = rho * e[0] + np.sqrt(1 - rho**2) * e[1]
    return driven[:, 0] + noise * e[0], driven[:, 1] + noise * e[1]
