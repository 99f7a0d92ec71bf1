"""The evidence for causal claims: the experiment's runs, the estimates from them, and surgery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from disentangle.causal.by_seed import by_seed
from disentangle.causal.estimate import CausalTables
from disentangle.causal.paired import contrast
from disentangle.causal.panel import Panel, panels
from disentangle.causal.responses import exposure_of
from disentangle.causal.settings import TENTH, CausalSettings
from disentangle.statistics.estimate import Estimate
from disentangle.study.sections.surgery import SHAM, STAGES
from disentangle.tables.surgery import DIFFERENCE

HEAD, ALL_WEIGHTS = STAGES


@dataclass(frozen=True)
class Cell:
    """One cell of the design, and one loss."""

    panel: Panel
    outcome: str
    slopes: pd.DataFrame
    settings: CausalSettings
    prefix: str
    """Begins names of tests if there are several cells."""

    @property
    def where(self) -> str:
        """The cell's rows of a table, as a pandas query."""
        return f"size == '{self.panel.size}' and configuration == '{self.panel.configuration}'"

    def effect(self, weights: Mapping[int, float]) -> Estimate:
        """A contrast of arms' losses, paired by seed."""
        return contrast(self.panel.values(self.outcome), weights)

    def runs_of(self, weights: Mapping[int, float]) -> str:
        """The observations behind a contrast, as a pandas query."""
        names = sorted({self.panel.arms[place].name for place in weights})
        return f"{self.where} and final and variant == 'base' and arm in {names}"

    def exposure(self, place: int) -> float:
        """Mean R/d that an arm reached; NaN if no run of it is there."""
        known = exposure_of(self.panel, self.settings)[:, place]
        known = known[np.isfinite(known)]
        return float(known.mean()) if len(known) else float("nan")

    def nearest_dose(self, place: int) -> int | None:
        """The arm that holds a spectrum and comes nearest to the rank of another arm."""
        doses = self.panel.of_kind("spectrum")
        away = {arm: abs(self.exposure(arm) - self.exposure(place)) for arm in doses}
        known = {arm: distance for arm, distance in away.items() if np.isfinite(distance)}
        return min(known, key=lambda arm: known[arm]) if known else None

    def tenths(self, place: int, reference: int = 0) -> float:
        """By how many tenths of d an arm's rank differs from the reference's, or the control's."""
        return abs(self.exposure(place) - self.exposure(reference)) / TENTH

    def slope_row(self, estimator: str) -> pd.Series | None:
        """The estimator's row of `causal_slopes`."""
        rows = self.slopes
        if rows.empty:
            return None
        rows = rows[
            (rows["size"] == self.panel.size)
            & (rows["configuration"] == self.panel.configuration)
            & (rows["response"] == self.outcome)
            & (rows["estimator"] == estimator)
        ]
        return None if rows.empty else rows.iloc[0]

    def per_tenth(self, estimator: str) -> Estimate:
        """A slope per tenth of d."""
        row = self.slope_row(estimator)
        if row is None:
            return Estimate.unknown(f"the experiment has no estimate by {estimator}")
        value, low, high = (float(row[f"per_tenth{end}"]) for end in ("", "_low", "_high"))
        return Estimate(value, low, high, int(row["n"]), str(row["note"]), float(row["p"]))

    def slope_rows(self, estimator: str) -> str:
        """That row, as a pandas query."""
        return f"{self.where} and response == '{self.outcome}' and estimator == '{estimator}'"


@dataclass(frozen=True)
class CausalEvidence:
    """What causal claims are judged from."""

    panels: list[Panel]
    slopes: pd.DataFrame
    settings: CausalSettings
    surgery: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The table of surgery: one row per run, operation and stage, with their difference in loss to
    a reference; empty if there was none."""

    @classmethod
    def of(
        cls,
        observations: pd.DataFrame,
        tables: CausalTables,
        settings: CausalSettings,
        *,
        surgery: pd.DataFrame | None = None,
    ) -> CausalEvidence:
        """Evidence from the observations and what `estimate_causal` made of them."""
        return cls(
            panels(observations),
            pd.DataFrame(tables.slopes),
            settings,
            pd.DataFrame() if surgery is None else surgery,
        )

    @property
    def outcome(self) -> str:
        """The loss that claims are about: the first of the outcomes."""
        return self.settings.outcomes[0]

    def cells(self) -> Iterator[Cell]:
        """The cells of the design that have an experiment."""
        several = len(self.panels) > 1
        for panel in self.panels:
            prefix = f"{panel.size} {panel.configuration}: " if several else ""
            yield Cell(panel, self.outcome, self.slopes, self.settings, prefix)

    def operations(self) -> list[str]:
        """What was done in surgery, without the sham."""
        if self.surgery.empty:
            return []
        found = {str(name) for name in self.surgery["operation"].unique()}
        return sorted(name for name in found if name != SHAM)

    def lost(self, operation: str, stages: Mapping[str, float]) -> Estimate:
        """Weighted sum over stages of the loss beyond the reference's, by sign flips of seeds.

        Runs of one seed are averaged. `n` is the number of runs.
        """
        rows = self.surgery[self.surgery["operation"] == operation]
        column = f"{self.outcome}{DIFFERENCE}"
        if column not in rows:
            return Estimate.unknown(f"no column {column}")
        wide = rows.pivot_table(index=["seed", "run"], columns="stage", values=column)
        absent = [stage for stage in stages if stage not in wide]
        if absent:
            return Estimate.unknown(f"no run of stage {absent[0]}")
        sums = wide[list(stages)].dropna() @ pd.Series(stages)
        means = sums.groupby("seed").mean().to_numpy(np.float64)
        return by_seed(means, np.ones(len(means)), n=len(sums))

    def steps(self, operation: str, stage: str) -> int:
        """Steps of training up to a stage; 0 if there is none."""
        rows = self.surgery
        rows = rows[(rows["operation"] == operation) & (rows["stage"] == stage)]
        return int(rows["steps"].max()) if len(rows) else 0
