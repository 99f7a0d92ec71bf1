"""What is compared between arms: losses, the exposure itself, and what may compensate for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from disentangle.causal.compensation import others
from disentangle.causal.panel import Panel
from disentangle.causal.settings import PERCENT, CausalSettings
from disentangle.statistics.bootstrap import Floats

Role = Literal["outcome", "exposure", "compensation"]


@dataclass(frozen=True)
class Response:
    """A column of the observations, and why it is looked at."""

    column: str
    role: Role

    def bound(self, settings: CausalSettings) -> float:
        """What counts as no effect; NaN for all but outcomes, for which alone it was set."""
        return settings.bound if self.role == "outcome" else float("nan")


def responses(runs: pd.DataFrame, settings: CausalSettings) -> list[Response]:
    """The responses that the runs have, outcomes first."""
    named: list[tuple[str, Role]] = [(name, "outcome") for name in settings.outcomes]
    named.append((settings.exposure, "exposure"))
    named += [(name, "compensation") for name in others(runs, settings.exposure)]
    return [
        Response(name, role)
        for name, role in dict(reversed(named)).items()
        if name in runs and np.isfinite(runs[name]).any()
    ][::-1]


def exposure_of(panel: Panel, settings: CausalSettings) -> Floats:
    """R/d at the end, seeds x arms; NaN where it is not known."""
    return panel.values(settings.exposure) / PERCENT
