"""The design of a suite: its columns, its configurations and cells, and the space they span.

A *configuration* is a set of training hyperparameters; a *cell* is a configuration at one size;
runs of a cell differ only in their seed. A configuration must mean the same at every size: if the
default learning rate depends on size, `learning_rate` must be the multiple of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.statistics.bootstrap import Floats
from disentangle.study.sections.observations import OPTIONAL_CHOICES

HYPERPARAMETERS = ("tokens_budget", "batch_size", "weight_decay", "learning_rate", "final_lr")
COLUMNS = ("run", "size", "params_non_embedding", *HYPERPARAMETERS, "seed")

# Varied over orders of magnitude and never zero; weight decay and final learning rate may be zero.
LOGARITHMIC = (
    "params_non_embedding",
    "tokens_budget",
    "batch_size",
    "learning_rate",
    "beta2_steps",
)


def check_design(observations: pd.DataFrame) -> None:
    """Raise ValueError unless all design columns exist and each run has one row."""
    missing = [name for name in COLUMNS if name not in observations.columns]
    if missing:
        raise ValueError(f"observations lack the design columns {', '.join(missing)}")
    repeated = observations["run"][observations["run"].duplicated()].unique()
    if len(repeated):
        raise ValueError(f"observations have more than one row for the runs {', '.join(repeated)}")


def hyperparameters(observations: pd.DataFrame) -> list[str]:
    """The hyperparameters that are columns, in a fixed order."""
    return [*HYPERPARAMETERS, *(name for name in OPTIONAL_CHOICES if name in observations.columns)]


def numeric_columns(observations: pd.DataFrame) -> list[str]:
    """The columns of the design that are numbers: weights of the blocks, and hyperparameters."""
    return ["params_non_embedding", *hyperparameters(observations)]


def configurations(observations: pd.DataFrame) -> NDArray[np.intp]:
    """Number of each row's configuration, in the order of the sorted hyperparameters."""
    return _number(observations[hyperparameters(observations)].to_numpy(np.float64))


def cells(observations: pd.DataFrame) -> NDArray[np.intp]:
    """Number of each row's cell (size x configuration)."""
    sizes = np.unique(observations["size"].to_numpy(str), return_inverse=True)[1]
    return _number(np.column_stack([sizes, configurations(observations)]))


def families(observations: pd.DataFrame) -> NDArray[np.intp]:
    """Number of each row's family, the unit that is resampled: its cell.

    Branches of a trunk began as one run, so with a cooldown the cells of all budgets are one.
    """
    return cells(_budgets_joined(observations))


def family_configurations(observations: pd.DataFrame) -> NDArray[np.intp]:
    """Number of each row's configuration, as `configurations`, but one for all budgets of a trunk.

    It is what cross-validation leaves out, so that no branch is predicted from its trunk.
    """
    return configurations(_budgets_joined(observations))


def trunks(observations: pd.DataFrame) -> pd.Series:
    """Whether each row has the longest budget of its family, so is no branch."""
    budgets = observations["tokens_budget"]
    return budgets == budgets.groupby(families(observations)).transform("max")


def _budgets_joined(observations: pd.DataFrame) -> pd.DataFrame:
    if "cooldown" not in observations:
        return observations
    budget = observations["tokens_budget"].where(observations["cooldown"] == 0, 0.0)
    return observations.assign(tokens_budget=budget)


def _number(rows: NDArray[Any]) -> NDArray[np.intp]:
    return np.unique(rows, axis=0, return_inverse=True)[1]


def varying(observations: pd.DataFrame) -> list[str]:
    """The numeric design columns with more than one value: the variables to control for."""
    return [name for name in numeric_columns(observations) if observations[name].nunique() > 1]


def numeric_design(observations: pd.DataFrame, names: list[str]) -> Floats:
    """The named design columns, logarithms of those in `LOGARITHMIC`: rows x names."""
    columns = [
        np.log(observations[name].to_numpy(np.float64))
        if name in LOGARITHMIC
        else observations[name].to_numpy(np.float64)
        for name in names
    ]
    return np.column_stack(columns) if columns else np.empty((len(observations), 0))


def design_matrix(observations: pd.DataFrame) -> Floats:
    """Size dummies, configuration dummies, and a slope in log parameters for each configuration.

    Redundant columns are kept (the dummies of each factor add up to one), so projections on this
    matrix must determine its rank.
    """
    size = pd.get_dummies(observations["size"]).to_numpy(np.float64)
    configuration = pd.get_dummies(configurations(observations)).to_numpy(np.float64)
    log_params = np.log(observations["params_non_embedding"])
    slope = (log_params - log_params.mean()).to_numpy(np.float64)
    return np.hstack([size, configuration, configuration * slope[:, None]])


def column_space(matrix: Floats) -> Floats:
    """Orthonormal basis of the column space; its number of columns is the rank."""
    if not matrix.size:
        return np.empty((len(matrix), 0))
    left, sigma, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, sigma > sigma[0] * max(matrix.shape) * np.finfo(np.float64).eps]
