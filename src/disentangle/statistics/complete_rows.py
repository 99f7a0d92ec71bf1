"""The rows that the estimators of a pair see, and all that these rows say besides the pair.

Most pairs of an outcome and a metric have the same complete rows, so a design is worked out once
for each set of rows.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.statistics.bootstrap import Floats
from disentangle.statistics.design import (
    cells,
    design_matrix,
    families,
    family_configurations,
    numeric_columns,
    numeric_design,
    varying,
)
from disentangle.statistics.increment import scale_baseline


class DesignOfRows:
    """What rows of observations say of the design; each part is worked out when it is asked for."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows

    @cached_property
    def controls(self) -> list[str]:
        """Names of the design columns that vary."""
        return varying(self.rows)

    @cached_property
    def control_values(self) -> Floats:
        """Rows x `controls`, as they are."""
        return self.rows[self.controls].to_numpy(np.float64)

    @cached_property
    def control_design(self) -> Floats:
        """Rows x `controls`, with logarithms; see `numeric_design`."""
        return numeric_design(self.rows, self.controls)

    @cached_property
    def hyperparameter_design(self) -> Floats:
        """The same without size."""
        names = [name for name in self.controls if name != "params_non_embedding"]
        return numeric_design(self.rows, names)

    @cached_property
    def matrix(self) -> Floats:
        """See `design_matrix`."""
        return design_matrix(self.rows)

    @cached_property
    def baseline(self) -> Floats:
        """See `scale_baseline`."""
        return scale_baseline(self.rows)

    @cached_property
    def cells(self) -> NDArray[np.intp]:
        """See `design.cells`."""
        return cells(self.rows)

    @cached_property
    def families(self) -> NDArray[np.intp]:
        """See `design.families`."""
        return families(self.rows)

    @cached_property
    def configurations(self) -> NDArray[np.intp]:
        """See `design.family_configurations`."""
        return family_configurations(self.rows)

    @cached_property
    def sizes(self) -> NDArray[Any]:
        """Each row's size."""
        return self.rows["size"].to_numpy()


class CompleteRows:
    """Complete rows by pair: those in which the pair and the whole numeric design are finite.

    All estimators of a pair see the same rows, so that they differ by method only.
    """

    def __init__(self, observations: pd.DataFrame) -> None:
        self.observations = observations
        self._finite: dict[str, NDArray[np.bool_]] = {}
        self._designs: dict[bytes, DesignOfRows] = {}
        columns = numeric_columns(observations)
        self._known = np.logical_and.reduce([self._is_finite(name) for name in columns])

    def of(self, outcome: str, metric: str) -> DesignOfRows:
        """The pair's complete rows and their design."""
        complete = self._known & self._is_finite(outcome) & self._is_finite(metric)
        key = complete.tobytes()
        if key not in self._designs:
            self._designs[key] = DesignOfRows(self.observations[complete])
        return self._designs[key]

    def _is_finite(self, column: str) -> NDArray[np.bool_]:
        if column not in self._finite:
            values = self.observations[column].to_numpy(np.float64, na_value=np.nan)
            self._finite[column] = np.isfinite(values)
        return self._finite[column]
