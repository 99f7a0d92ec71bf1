"""Say where a study's runs stand between initialisation and training."""

from dataclasses import dataclass, fields

import pandas as pd

from disentangle.study.regime import Regime, in_words, spread_of

PAPERS = {"tokens_per_weight": (106, 30_518), "steps_over_tau": (1.34, 134)}
"""The ranges of the paper's models as `studies/paper.yaml` reconstructs them, by the same formulas.
Its learning rate, 1e-3, is our assumption; its base then has 13 steps per tau."""


@dataclass(frozen=True)
class Standing:
    """Where the runs stand, for the page."""

    of_runs: dict[str, Regime]
    ranges: str
    """The range of each number beside the paper's, in words."""
    warning: str
    """That most models are close to their initialisation; empty if they are not."""


def standing(regime: pd.DataFrame | None) -> Standing | None:
    """Read the table of regimes; None if nothing was trained."""
    if regime is None or regime.empty:
        return None
    names = [field.name for field in fields(Regime)]
    found = {row["run"]: Regime(*(row[name] for name in names)) for _, row in regime.iterrows()}
    spread = spread_of(found.values())
    return Standing(found, _ranges(spread), in_words(found.values()))


def _ranges(spread: dict[str, tuple[float, float]]) -> str:
    weight, tau = spread["tokens_per_weight"], spread["steps_over_tau"]
    return (
        f"{_range(*weight)} training tokens per weight of the blocks (the paper: "
        f"{_range(*PAPERS['tokens_per_weight'])}); {_range(*tau)} steps per \u03c4, AdamW's memory "
        f"(the paper, as reconstructed: {_range(*PAPERS['steps_over_tau'])}); "
        f"{_range(*spread['epochs'])} epochs of the text; "
        f"{_range(*spread['rows_per_dimension'])} vocabulary rows per dimension"
    )


def _range(low: float, high: float) -> str:
    ends = [f"{float(f'{end:.2g}'):,g}" for end in (low, high)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
