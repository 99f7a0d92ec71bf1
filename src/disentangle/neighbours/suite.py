"""What a suite of models has measured: all that findings are looked for in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.tables.comparable import comparable_runs


@dataclass(frozen=True)
class Suite:
    """The tables of a study. A table that the study does not make is None."""

    observations: pd.DataFrame
    passages: pd.DataFrame | None = None
    saturation: pd.DataFrame | None = None
    layers: pd.DataFrame | None = None
    matrices: pd.DataFrame | None = None
    gradients: pd.DataFrame | None = None
    token_trends: pd.DataFrame | None = None
    compression: pd.DataFrame | None = None
    """What truncation and pruning left of the weights: rows of `tables.compression.LEFT`."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Fine-tuned variant to the held-out domain that it was fine-tuned on."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Fine-tuned variant to its learning rate, as a multiple of the optimizer's."""
    resamples: int = 1000
    """Bootstrap resamples per interval."""
    seed: int = 0
    """Of the resampling."""

    @property
    def runs(self) -> pd.DataFrame:
        """The last checkpoint of each run as trained, if its size and choices are all known."""
        return comparable_runs(self.observations, BASE)
