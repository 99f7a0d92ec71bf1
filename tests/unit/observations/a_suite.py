"""A table such as somebody has in a spreadsheet: names and units of its own, a planted truth."""

from itertools import product

import numpy as np
import pandas as pd

SIZES = {"14M": 14.2, "31M": 30.8, "70M": 70.4, "160M": 162.3}
"""Name to weights without embeddings, millions."""
CHOICES = [(0.1, 32), (0.1, 64), (0.1, 128), (0.01, 64), (0.3, 64)]
"""Weight decay and batch size."""
SEEDS = 3

MAPPING = {
    "columns": {
        "run": "model",
        "size": "scale",
        "params_non_embedding": {"column": "params (M)", "times": 1e6},
        "tokens_budget": {"column": "tokens (B)", "times": 1e9},
        "weight_decay": "wd",
        "batch_size": "batch",
        "W_effective_rank_pct": {"column": "erank", "times": 100},
        "id_bits_per_byte": "pile",
    },
    "fixed": {"final_lr": 0.1, "learning_rate": None},
}
"""What the section `observations` of a study file says of it."""


def suite(*, effect: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Sixty models whose rank and loss both follow from size, batch and weight decay.

    Beyond that they have `effect` in common: rank raised by a standard deviation of its noise
    lowers the loss by `effect` standard deviations of that one's.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (scale, params), (wd, batch), repeat in product(SIZES.items(), CHOICES, range(SEEDS)):
        size, turn = np.log(params / 50), np.log(batch / 64)
        by_chance = rng.standard_normal()
        rank = 40 + 3 * size + 5 * turn + 20 * (wd - 0.1) + by_chance
        loss = 1.2 - 0.08 * size + 0.02 * turn**2 - 0.2 * (wd - 0.1)
        loss += 0.01 * (rng.standard_normal() - effect * by_chance)
        rows.append(
            {
                "model": f"{scale}-wd{wd}-b{batch}-{repeat}",
                "scale": scale,
                "params (M)": params,
                "tokens (B)": 8,
                "wd": wd,
                "batch": batch,
                "seed": repeat,
                "erank": rank / 100,
                "pile": loss,
                "remarks": "",
            }
        )
    return pd.DataFrame(rows)
