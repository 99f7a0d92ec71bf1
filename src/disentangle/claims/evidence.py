"""The evidence for claims: a study's observations and the estimates from them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.statistics.associate import reason_of
from disentangle.statistics.estimate import Estimate
from disentangle.tables.comparable import comparable_runs
from disentangle.tables.passages import Passages
from disentangle.tables.select import CHIEF_METRIC, CHIEF_OUTCOME, geometry_metrics
from disentangle.vocabulary.scores import BITS_PER_BYTE

FIGURES = {
    "rho": ("rho", "raw"),
    "partial_rho": ("partial", "partial"),
    "residual_rho": ("residual", "residual"),
    "delta_r2": ("delta_r2", "delta_r2"),
    "delta_r2_design": ("delta_r2_design", "delta_r2_design"),
}
"""Figure to the prefix of its bounds' columns and its estimator's name in notes."""


@dataclass(frozen=True)
class Evidence:
    """The tables, with methods to estimate from them."""

    observations: pd.DataFrame
    associations: pd.DataFrame
    saturation: pd.DataFrame
    effects: pd.DataFrame
    passages: Passages
    """Losses of single passages."""
    targets: dict[str, str]
    """Fine-tuned variant to the held-out domain of its target."""
    resamples: int
    seed: int

    @property
    def runs(self) -> pd.DataFrame:
        """Final base checkpoints of runs whose training choices are all known."""
        return self._final(BASE)

    def _final(self, variant: str) -> pd.DataFrame:
        known = comparable_runs(self.observations, variant)
        # a table of others may lack the columns that the paper's findings need
        absent = [name for name in (CHIEF_METRIC, CHIEF_OUTCOME) if name not in known]
        return known.assign(**dict.fromkeys(absent, float("nan")))

    @property
    def metrics(self) -> list[str]:
        """Columns of geometry metrics."""
        return geometry_metrics(self.observations)

    @property
    def other_losses(self) -> list[str]:
        """Losses on the domains that are not `id`."""
        return [
            name
            for name in self.observations.columns
            if name.endswith(BITS_PER_BYTE.ending) and name != CHIEF_OUTCOME
        ]

    @property
    def quantized(self) -> list[str]:
        """Variants that were quantized."""
        found = self.observations["variant"].unique().tolist()
        return sorted(variant for variant in found if variant.startswith("gptq-"))

    @property
    def finetuned_losses(self) -> list[tuple[str, str]]:
        """Fine-tuned variants, each with the loss on the domain of its target."""
        targets = sorted(self.targets.items())
        return [(variant, BITS_PER_BYTE.of(domain)) for variant, domain in targets]

    def with_base_loss(self, variant: str, loss: str) -> pd.DataFrame:
        """Final checkpoints of a variant, with the loss of variant base as column `base_<loss>`."""
        before = self.runs[["run", loss]].rename(columns={loss: f"base_{loss}"})
        return self._final(variant).merge(before, on="run")

    def association(
        self, outcome: str, metric: str, figure: str, *, variant: str = BASE
    ) -> Estimate:
        """A figure of the associations table, a key of `FIGURES`, with its interval."""
        table = self.associations
        rows = table[
            (table["variant"] == variant)
            & (table["outcome"] == outcome)
            & (table["metric"] == metric)
        ]
        if rows.empty:
            return Estimate.unknown("not among the associations")
        row = rows.iloc[0]
        ends, estimator = FIGURES[figure]
        low, high = (row[f"{ends}_{end}"] for end in ("low", "high"))
        missing = reason_of(str(row["note"] or ""), estimator) if low != low else ""
        return Estimate(row[figure], low, high, int(row["n"]), missing)

    def effect(self, choice: str, response: str, figure: str = "slope") -> Estimate:
        """A figure of the effects table, such as `at_lowest`, for a choice that varies alone."""
        table = self.effects
        rows = table[
            (table["choice"] == choice) & (table["along"] == "") & (table["response"] == response)
        ]
        if rows.empty:
            return Estimate.unknown(f"no runs differ in {choice.replace('_', ' ')} alone")
        row = rows.iloc[0]
        value, low, high = (float(row[f"{figure}{end}"]) for end in ("", "_low", "_high"))
        return Estimate(value, low, high, int(row["n"]), "" if low == low else row["note"])

    def of(
        self, runs: pd.DataFrame, estimator: Callable[..., Estimate], *args: Any, **kwargs: Any
    ) -> Estimate:
        """Apply an estimator of `comparisons` to some runs, with the study's bootstrap settings."""
        return estimator(runs, *args, resamples=self.resamples, seed=self.seed, **kwargs)

    def resampled(self, estimator: Callable[..., Estimate], *args: Any, **kwargs: Any) -> Estimate:
        """The same for all base runs."""
        return self.of(self.runs, estimator, *args, **kwargs)
