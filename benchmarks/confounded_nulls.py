"""How often a metric that only stands for training choices is called a gain in held-out R^2.

    PYTHONPATH=src python benchmarks/confounded_nulls.py --studies 300

Simulated suites in which rank follows from batch size and weight decay alone and loss from all
choices, so that rank adds nothing to them ("null"; "linear": every effect is linear in logs), and
suites in which their noises correlate as well. Per design and world: of 100 studies, how many
lower 95 % bounds are above 0
- over size, compute and tokens (the paper's baseline), where the fits do not break down,
- over the choices' logs, folds of configurations, fits held as they are (what `delta_r2_design`
  was before version 1.0.0),
- over levels and slopes of every configuration (what it is), and of the latter how many upper
  bounds are below 0.09, by which claim 3 holds, and how many intervals hold the truth, rho squared.
"""

from argparse import ArgumentParser

import numpy as np
import pandas as pd

from disentangle.claims.ledger import OF_THE_REST
from disentangle.statistics import r2_beside_design
from disentangle.statistics.bootstrap import bootstrap_estimate
from disentangle.statistics.design import (
    configurations,
    design_matrix,
    numeric_design,
    varying,
)
from disentangle.statistics.increment import cross_validate, incremental_r2, scale_baseline

BASE = {
    "tokens_budget": 32e9,
    "batch_size": 128,
    "weight_decay": 0.1,
    "learning_rate": 1.0,
    "final_lr": 0.1,
    "seed": 0,
}
SIX = {"4M": 4e6, "8M": 8e6, "17M": 17e6, "25M": 25e6, "34M": 34e6, "75M": 75e6}
FOUR = {name: SIX[name] for name in ("4M", "8M", "17M", "34M")}
BATCHES = [{"batch_size": batch} for batch in (32, 64, 256, 512)]
DECAYS = [{"weight_decay": decay} for decay in (0.01, 0.5)]
BUDGETS = [{"tokens_budget": t * 1e9, "batch_size": 4 * t} for t in (8, 16, 64, 128)]
RATES = [{"learning_rate": 0.1}, {"learning_rate": 10.0}]
SHARES = [{"final_lr": 0.0}, {"final_lr": 0.01}]
SEEDS = [{"seed": seed} for seed in (1, 2, 3)]
GRID = [{"batch_size": b, "weight_decay": d} for b in (32, 128, 512) for d in (0.01, 0.1, 0.5)]
DESIGNS = {
    "forty": (FOUR, [{}, *BATCHES, *DECAYS, *BUDGETS[1:3], RATES[0]]),
    "grid": (FOUR, GRID),
    "grid, two seeds": (FOUR, [cell | {"seed": seed} for cell in GRID for seed in (0, 1)]),
    "the paper's": (SIX, [{}, *BATCHES, *DECAYS, *BUDGETS, *RATES, *SHARES, *SEEDS]),
}


def suite(sizes: dict[str, float], departures: list[dict[str, float]]) -> pd.DataFrame:
    """One row a run, with the columns of `statistics.design.COLUMNS`."""
    rows = [
        {"size": size, "params_non_embedding": weights} | BASE | departure
        for size, weights in sizes.items()
        for departure in departures
    ]
    return pd.DataFrame(rows).assign(run=[f"run{i}" for i in range(len(rows))])


def draw(
    table: pd.DataFrame, rng: np.random.Generator, *, curved: bool, rho: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rank and loss of a suite whose noises correlate by rho."""

    def z(name: str) -> np.ndarray:
        values = np.log(table[name].to_numpy(np.float64))
        return (values - values.mean()) / (values.std() or 1.0)

    size, batch, decay = z("params_non_embedding"), z("batch_size"), z("weight_decay")
    a, b, c, d = rng.normal([1, 0.7, 0.5, -0.4], 0.3)
    noise = rng.standard_normal((2, len(table)))
    noise[1] = rho * noise[0] + np.sqrt(1 - rho**2) * noise[1]
    rank = a * batch + b * decay + 0.3 * noise[0]
    loss = -size - 0.5 * z("tokens_budget") + c * batch + d * decay + 0.2 * noise[1]
    return rank, loss + curved * (0.3 * batch**2 + 0.3 * size * decay)


def over_logs(table: pd.DataFrame, rank: np.ndarray, loss: np.ndarray, resamples: int) -> float:
    """Lower bound of what `delta_r2_design` was."""
    groups = configurations(table)
    base, full = cross_validate(loss, rank, numeric_design(table, varying(table)), groups)
    centred, gain = loss - loss.mean(), base.squared_errors - full.squared_errors

    def delta(weights: np.ndarray) -> np.ndarray:
        total = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
        return weights @ gain / total

    return bootstrap_estimate(delta, groups, resamples=resamples, seed=0).low


def measure(table: pd.DataFrame, studies: int, resamples: int, **world: float) -> list[float]:
    """Shares of the studies whose lower bound is above 0, by baseline; see the module."""
    kwargs = {"resamples": resamples, "seed": 0}
    found = []
    for study in range(studies):
        rank, loss = draw(table, np.random.default_rng([11, study]), **world)
        scale = incremental_r2(loss, rank, scale_baseline(table), configurations(table), **kwargs)
        beside = r2_beside_design(loss, rank, design_matrix(table))
        found.append([scale.low, over_logs(table, rank, loss, resamples), beside.low, beside.high])
    scale, logs, beside, upper = np.array(found).T
    held = (beside <= world["rho"] ** 2) & (world["rho"] ** 2 <= upper)
    shares = [scale > 0, logs > 0, beside > 0, upper <= OF_THE_REST, held]
    return [float(np.mean(share)) for share in shares]


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--resamples", type=int, default=400)
    given = parser.parse_args()
    worlds: dict[str, dict[str, float | bool]] = {
        "null, linear": {"curved": False, "rho": 0.0},
        "null": {"curved": True, "rho": 0.0},
        "rho 0.5": {"curved": True, "rho": 0.5},
        "rho 0.8": {"curved": True, "rho": 0.8},
    }
    print(
        "| design (n) | world | the paper's baseline | logs of all choices | all choices |", end=""
    )
    print(" of these, upper bound below 0.09 | holding the truth |\n|---|---|---|---|---|---|---|")
    for name, (sizes, departures) in DESIGNS.items():
        table = suite(sizes, departures)
        for world, settings in worlds.items():
            shares = measure(table, given.studies, given.resamples, **settings)
            shown = " | ".join(f"{100 * share:.1f}" for share in shares)
            print(f"| {name} ({len(table)}) | {world} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
