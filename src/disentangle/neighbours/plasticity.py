"""How well models learn another text, and what their training had to do with it.

Models that were trained with more weight decay gain more by fine-tuning, so that a worse base model
may become the better one (Han et al. 2026, arXiv 2602.11137).
"""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student_t

from disentangle.checkpoint.references import BASE
from disentangle.neighbours.suite import Suite
from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.design import COLUMNS, configurations, hyperparameters
from disentangle.statistics.multiplicity import holm
from disentangle.statistics.noise import noise_floor
from disentangle.tables.neighbours import ORDER_INVERSIONS, PLASTICITY
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME

FEWEST_PASSAGES = 4
"""Of fewer no half can choose and none be tested on."""

LEVEL = 0.05
"""Of the family-wise error over all pairs."""


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The tables `plasticity` and `order_inversions`."""
    found = plasticity(suite)
    return {"plasticity": found, "order_inversions": order_inversions(found)}


def plasticity(suite: Suite) -> pd.DataFrame:
    """The best fine-tuning of each run on each domain.

    A domain may have several targets, such as one for each learning rate. The best is chosen by the
    loss on a random half of the held-out passages, and its loss is that on the other half. So it is
    not lower for having been chosen.

    Returns:
        One row per run and domain: run, domain, targets (how many were tried), chosen (the
        variant), finetuning_rate of it, at_edge (whether it has the lowest or highest rate
        of those tried; null for fewer than three rates), before and after (bits per byte of the
        domain on the tested half), gain = before - after, base_loss (ID loss), W_effective_rank_pct
        before fine-tuning; with size and choices. Runs without losses of passages have no row.
    """
    if suite.passages is None or not suite.targets:
        return pd.DataFrame(columns=PLASTICITY.schema.names)
    runs = suite.runs
    last = suite.passages.merge(runs[["run", "step"]], on=["run", "step"])
    losses = {
        (row.run, row.variant, row.domain): (
            np.asarray(row.bits, np.float64),
            np.asarray(row.bytes, np.float64),
        )
        for row in last.itertuples()
    }
    domains: dict[str, list[str]] = {}
    for variant, domain in sorted(suite.targets.items()):
        domains.setdefault(domain, []).append(variant)
    rows = []
    for domain, variants in domains.items():
        for run in runs["run"]:
            tried = [name for name in variants if (run, name, domain) in losses]
            base = losses.get((run, BASE, domain))
            if base is None or not tried or len(base[0]) < FEWEST_PASSAGES:
                continue
            chooses = choosing_half(len(base[0]), suite.seed)
            by_half = {name: _halves(losses[run, name, domain], chooses) for name in tried}
            chosen = min(tried, key=lambda name: by_half[name][0])
            before, after = _halves(base, chooses)[1], by_half[chosen][1]
            rows.append(
                {
                    "run": run, "domain": domain, "targets": len(tried), "chosen": chosen,
                    "before": before, "after": after, "gain": before - after,
                    **_rate(chosen, tried, suite),
                }
            )  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=PLASTICITY.schema.names)
    columns = dict.fromkeys((*COLUMNS, *hyperparameters(runs)))
    known = runs[list(columns)].assign(
        base_loss=runs.get(CHIEF_OUTCOME, np.nan), **{CHIEF_METRIC: runs.get(CHIEF_METRIC, np.nan)}
    )
    return pd.DataFrame(rows).merge(known, on="run")


def choosing_half(passages: int, seed: int) -> NDArray[np.bool_]:
    """Which passages choose; the others test. A random half, the same for every run."""
    chooses = np.zeros(passages, bool)
    chooses[np.random.default_rng(seed).permutation(passages)[: passages // 2]] = True
    return chooses


def _halves(loss: tuple[Floats, Floats], chooses: NDArray[np.bool_]) -> tuple[float, float]:
    """Bits per byte of the choosing passages and of the testing ones."""
    bits, sizes = loss
    return (
        float(bits[chooses].sum() / sizes[chooses].sum()),
        float(bits[~chooses].sum() / sizes[~chooses].sum()),
    )


def _rate(chosen: str, tried: list[str], suite: Suite) -> dict[str, float | bool | None]:
    """The chosen learning rate, and whether it is the lowest or the highest of three or more."""
    rates = sorted({suite.rates[name] for name in tried if name in suite.rates})
    rate = suite.rates.get(chosen, np.nan)
    edge = rate in (rates[0], rates[-1]) if len(rates) > 2 else None
    return {"finetuning_rate": rate, "at_edge": edge}


def order_inversions(found: pd.DataFrame) -> pd.DataFrame:
    """Pairs of runs that differ in weight decay alone, and whether fine-tuning inverts their order.

    Both differences are tested against the noise between seeds (t test with the pooled variance
    within cells). A pair is inverted if both are significant with opposite signs, and kept if both
    are with the same sign, the larger p by Holm over a domain's pairs. Without cells that have
    several seeds nothing is decided.

    Args:
        found: the rows of `plasticity`.

    Returns:
        One row per domain and pair: domain, lower_decay and higher_decay (the runs), base and after
        (differences, higher minus lower decay), p (the larger of the two, adjusted), verdict:
        inverted, kept or undecided.
    """
    rows = []
    for domain, some in found.groupby("domain", sort=False) if len(found) else ():
        some = some.dropna(subset=["base_loss", "after"]).reset_index(drop=True)
        noise = {name: noise_floor(some, name) for name in ("base_loss", "after")}
        pairs = []
        for one, other in _pairs(some):
            differences = [float(other[name] - one[name]) for name in noise]
            values = [
                _p(value, floor["sd_within"], floor["df_within"])
                for value, floor in zip(differences, noise.values(), strict=True)
            ]
            pairs.append((one["run"], other["run"], *differences, max(values)))
        adjusted = holm([pair[-1] for pair in pairs])
        for (lower, higher, base, after, _), p in zip(pairs, adjusted, strict=True):
            order = "inverted" if base * after < 0 else "kept"
            rows.append(
                (domain, lower, higher, base, after, p, order if p <= LEVEL else "undecided")
            )
    return pd.DataFrame(rows, columns=ORDER_INVERSIONS.schema.names)


def _pairs(rows: pd.DataFrame) -> list[tuple[pd.Series, pd.Series]]:
    """Runs of one size, seed and configuration but for their decay, the lower decay first."""
    alike = configurations(rows.assign(weight_decay=0.0))
    keys = [rows["size"].to_numpy(), rows["seed"].to_numpy(), alike]
    found = []
    for _, group in rows.groupby(keys, sort=True):
        ordered = group.sort_values("weight_decay")
        for i, j in combinations(range(len(ordered)), 2):
            one, other = ordered.iloc[i], ordered.iloc[j]
            if one["weight_decay"] < other["weight_decay"]:
                found.append((one, other))
    return found


def _p(difference: float, sd: float, df: float) -> float:
    """Two-sided p of a difference between two runs, whose noise has this standard deviation."""
    if not df > 0 or not sd > 0:
        return float("nan")
    return float(2 * student_t.sf(abs(difference) / (np.sqrt(2) * sd), df))
