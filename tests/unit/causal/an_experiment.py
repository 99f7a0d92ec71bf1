"""An experiment of eleven arms and twelve seeds, as the observations table has it."""

import numpy as np
import pandas as pd

ARMS = {
    "": ("", np.nan),
    "low": ("spectrum", 0.4),
    "lower": ("spectrum", 0.6),
    "higher": ("spectrum", 0.8),
    "high": ("spectrum", 0.97),
    "start": ("initial_spectrum", 0.4),
    "turned": ("rotate", 0.01),
    "shrunk": ("norm", 0.02),
    "shifted": ("gauge", 0.4),
    "narrow": ("factor", 0.4),
    "factors": ("factor", 1.0),
}

REACHED = {
    "": 0.64, "low": 0.4, "lower": 0.6, "higher": 0.8, "high": 0.97, "start": 0.52,
    "turned": 0.64, "shrunk": 0.62, "shifted": 0.64, "narrow": 0.33, "factors": 0.6,
}  # fmt: skip
"""Mean R/d of each arm at the end."""

SEED_NOISE = 0.031
"""Standard deviation of a run's loss given its seed's mean, bits per byte."""


def experiment(
    *,
    slope: float = 0.0,
    direct: dict[str, float] | None = None,
    noise: float = SEED_NOISE,
    seeds: int = 12,
    seed: int = 1,
    arms: tuple[str, ...] = tuple(ARMS),
) -> pd.DataFrame:
    """Final checkpoints in which loss is 3 + slope R/d + what an arm does directly + noise.

    Runs outside of the experiment, of other batch sizes, have a loss that falls with rank by 1 bit
    per byte per unit of R/d, which no intervention shows.

    Args:
        slope: bits per byte per unit of R/d.
        direct: arm to its effect beside rank, bits per byte.
        noise: standard deviation of a run's loss; that of seeds is .05 and in all arms.
        seeds: number of seeds.
        seed: random seed.
        arms: which arms there are.
    """
    rng = np.random.default_rng(seed)
    common = {
        "size": "1M", "configuration": "bs8", "params_non_embedding": 1e6, "tokens_budget": 1e6,
        "weight_decay": 0.1, "learning_rate": 1e-3, "learning_rate_multiple": 1.0,
        "final_lr": 0.1, "variant": "base", "final": True, "status": "complete", "step": 100,
        "batch_size": 8,
    }  # fmt: skip
    rows = []
    for block in range(seeds):
        level = 3 + 0.05 * rng.standard_normal()
        for arm in ARMS:
            kind, dose = ARMS[arm]
            rank = REACHED[arm] + (0.003 if kind == "spectrum" else 0.02) * rng.standard_normal()
            loss = level + slope * rank + (direct or {}).get(arm, 0.0)
            loss += noise * rng.standard_normal()
            moved = rng.standard_normal(2)
            if arm in arms:
                rows.append(
                    common
                    | {"run": f"1M_bs8_{arm}_s{block}", "seed": block, "arm": arm}
                    | {"intervention": kind, "dose": dose, "id_bits_per_byte": loss}
                    | {"Wproj_effective_rank_pct": 100 * rank}
                    | {"H_effective_rank_pct": 50 - 20 * rank + 0.3 * moved[0]}
                    | {"W_effective_rank_pct": 70 - 25 * (arm == "shifted") + moved[1]}
                )
    for batch in (2, 4, 16, 32, 64, 128):
        for block in range(2):
            rank = 0.69 + 0.05 * np.log2(batch / 16) + 0.02 * rng.standard_normal()
            loss = 3.64 - rank + noise * rng.standard_normal()
            rows.append(
                common
                | {"run": f"1M_bs{batch}_s{block}", "seed": block, "configuration": f"bs{batch}"}
                | {"arm": "", "intervention": "", "dose": np.nan, "batch_size": batch}
                | {"id_bits_per_byte": loss, "Wproj_effective_rank_pct": 100 * rank}
                | {"H_effective_rank_pct": 40.0, "W_effective_rank_pct": 100 * rank}
            )
    return pd.DataFrame(rows)
