"""Count and describe a study's models, once for the whole page."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from disentangle.report.numbers import counted
from disentangle.study.external import EXTERNAL
from disentangle.study.run import Run
from disentangle.study.token_counts import spell_count

PAPERS_SIZES, PAPERS_TOKENS = (4e6, 75e6), (8e9, 128e9)
"""Weights and training tokens of the paper's models."""


@dataclass(frozen=True)
class Models:
    """How many models there are, and of what kind."""

    total: int
    kinds: str
    """Trained here, imported, or from a table: in words, with counts that add up to the total."""
    scale: str
    """Sizes and budgets in words."""
    beside_the_paper: str
    """Whether they are smaller or larger than the paper's, if that is known."""


def _range(values: pd.Series) -> str:
    low, high = (spell_count(round(float(f"{v:.3g}"))) for v in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _compared(values: pd.Series, theirs: tuple[float, float], more: str, less: str) -> str:
    """'smaller than' or 'larger than' the paper's; empty if the ranges overlap."""
    if values.max() < theirs[0]:
        return f"{less} all of the paper's"
    return f"{more} all of the paper's" if values.min() > theirs[1] else ""


def describe_models(runs: Sequence[Run], observations: pd.DataFrame) -> Models:
    """Count and describe the models of a study.

    A configuration is a set of training hyperparameters, without size and seed.

    Args:
        runs: those that the study trains.
        observations: the observations table.
    """
    rows = observations.drop_duplicates("run")
    external = int((rows["configuration"] == EXTERNAL).sum())
    others = len(rows) - external - len({run.name for run in runs} & set(rows["run"]))
    kinds = []
    if runs:
        named = len({run.size.name for run in runs})
        configurations = len({run.configuration for run in runs})
        cells = len({(run.size.name, run.configuration) for run in runs})
        trained = (
            f"{counted(len(runs), 'model')} trained here ({counted(named, 'size')} by "
            f"{counted(configurations, 'configuration')}"
        )
        repeats = len(runs) - cells
        kinds.append(trained + (f", {repeats} of them with another seed)" if repeats else ")"))
    if external:
        kinds.append(f"{counted(external, 'external model')}")
    if others > 0:
        kinds.append(f"{counted(others, 'model')} trained and measured by others")
    total = len(runs) + external + max(others, 0)
    together = f"{total:,} language models: " if len(kinds) > 1 else ""
    sizes = rows["params_non_embedding"].dropna()
    budgets = rows["tokens_budget"].dropna()
    known = []
    if len(sizes):
        known.append(f"{_range(sizes)} weights without embeddings")
    if len(budgets):
        known.append(f"{_range(budgets)} training tokens")
    compared = []
    if len(sizes) and (said := _compared(sizes, PAPERS_SIZES, "larger than", "smaller than")):
        compared.append(said)
    tokens = "trained on more than", "trained on less than"
    if len(budgets) and (said := _compared(budgets, PAPERS_TOKENS, *tokens)):
        compared.append(said)
    return Models(
        total=total,
        kinds=together + "; ".join(kinds),
        scale=", ".join(known),
        beside_the_paper=" and ".join(compared),
    )
