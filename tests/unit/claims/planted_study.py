"""Tables of a study whose every claim is true by construction, or every one false."""

from dataclasses import replace

import numpy as np
import pandas as pd

from disentangle.claims.evidence import Evidence
from disentangle.claims.ledger import DISTINCT
from disentangle.statistics import associate
from disentangle.statistics.effects import effects
from disentangle.tables.comparable import comparable_runs
from disentangle.tables.estimated import EFFECTS
from disentangle.tables.files import to_arrow
from disentangle.tables.passages import NO_PASSAGES
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

SIZES = {"4M": 4e6, "8M": 8e6, "17M": 17e6, "34M": 34e6}
BASE = {
    "tokens_budget": 32_000,
    "batch_size": 128,
    "weight_decay": 0.1,
    "learning_rate": 1.0,
    "final_lr": 0.1,
}
DEPARTURES = [
    {},
    *({"batch_size": batch} for batch in (32, 64, 256, 512)),
    *({"weight_decay": decay} for decay in (0.01, 0.5)),
    *({"final_lr": share} for share in (0.0, 0.01)),
    *({"learning_rate": rate} for rate in (0.1, 10.0)),
    *({"tokens_budget": 1000 * t, "batch_size": 4 * t} for t in (8, 16, 64, 128)),
]
SEEDS = 3


def runs() -> pd.DataFrame:
    """Four sizes by fifteen configurations by three seeds."""
    rows = [
        {"size": size, "params_non_embedding": weights, "seed": seed} | BASE | departure
        for size, weights in SIZES.items()
        for departure in DEPARTURES
        for seed in range(SEEDS)
    ]
    return pd.DataFrame(rows).assign(run=[f"run{i}" for i in range(len(rows))])


def study(*, true: bool, seed: int = 0) -> Evidence:
    """Evidence in which training makes rank and loss, and rank does nothing (or all) to loss.

    `true`: the paper's world: a common cause (more training) raises rank and lowers loss, batch is
    U-shaped, weight decay turns with size. Otherwise the signs are the opposite ones, and loss on
    other domains follows a metric and not the ID loss.
    """
    rng = np.random.default_rng(seed)
    table = runs()
    n, sign = len(table), 1.0 if true else -1.0
    log_n = np.log(table["params_non_embedding"] / 12e6)
    batch = np.log2(table["batch_size"] / 128)
    decay = np.log2(table["weight_decay"] / 0.1)
    training = log_n + 0.5 * np.log2(table["tokens_budget"] / 32_000)
    rank = 60 + sign * (3 * batch + 2 * decay + 20 * (table["final_lr"] - 0.1))
    by_chance = 0.3 * rng.standard_normal(n)
    rank += 10 * training + by_chance
    loss = 3 - sign * training + 0.3 * sign * batch**2 + sign * 3 * (table["final_lr"] - 0.1)
    loss += 0.2 * decay * (log_n if true else 1)
    if not true:
        loss += 0.15 * rank
    loss += 0.02 * rng.standard_normal(n)
    table = table.assign(W_effective_rank_pct=rank, id_bits_per_byte=loss)
    for matrix in "WH":
        for metric in DISTINCT:
            if (name := f"{matrix}_{metric}") not in table:
                noise = rng.standard_normal(n)
                table[name] = rank + noise if true else 60 + noise
    other = loss if true else table["H_stable_rank"]
    for domain in ("ood", "code"):
        table[f"{domain}_bits_per_byte"] = other + 0.01 * rng.standard_normal(n)
    table = table.assign(final=True, variant="base", learning_rate_multiple=table["learning_rate"])
    tuned = table.assign(variant="finetuned-code")
    quantized = table.assign(variant="gptq-4bit")
    if not true:
        # what quantization costs is the rank's doing, and no training choice's
        quantized["id_bits_per_byte"] = rank + 10 * by_chance + rng.standard_normal(n)
    observations = pd.concat([table, tuned, quantized], ignore_index=True)
    outcomes = ["id_bits_per_byte", "ood_bits_per_byte", "code_bits_per_byte"]
    associations = pd.concat(
        [
            associate(
                observations[observations["variant"] == variant],
                outcomes,
                ["W_effective_rank_pct"],
                variant=variant,
                resamples=200,
                seed=0,
            )
            for variant in ("base", "gptq-4bit")
        ]
    )
    verdict = "not saturated" if true else "saturated"
    saturation = table[["run"]].assign(outcome="id_bits_per_byte", verdict=verdict)
    finetuned = {"finetuned-code": "code"}
    found = effects_in(observations)
    return Evidence(observations, associations, saturation, found, NO_PASSAGES, finetuned, 200, 0)


def only(evidence: Evidence, query: str) -> Evidence:
    """The same study with some of its runs."""
    kept = evidence.observations.query(query)
    return replace(evidence, observations=kept, effects=effects_in(kept))


def effects_in(observations: pd.DataFrame) -> pd.DataFrame:
    """The effects table, of rank and loss."""
    rows = effects(comparable_runs(observations, "base"), [CHIEF_METRIC, CHIEF_OUTCOME])
    return to_arrow(rows, EFFECTS).to_pandas()
