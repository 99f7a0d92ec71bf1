"""How the losses of single tokens move: shares of trajectories, beside those of the source.

The shares are measured by `evaluation.token_trends`; here the runs' choices are joined.
"""

import pandas as pd

from disentangle.neighbours.suite import Suite
from disentangle.statistics.design import COLUMNS, hyperparameters
from disentangle.tables.evaluation import TOKEN_TRENDS


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The table `token_trends` of a suite whose tokens were followed."""
    assert suite.token_trends is not None
    runs = suite.runs
    columns = dict.fromkeys((*COLUMNS, *hyperparameters(runs)))
    found = suite.token_trends.merge(runs[list(columns)], on="run")
    order = [name for name in TOKEN_TRENDS.schema.names if name in found]
    return {"token_trends": found[[*order, *(c for c in found.columns if c not in order)]]}
