"""What the figures of a study are drawn from: its runs and its tables."""

from collections.abc import Callable, Mapping
from functools import cached_property

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Perturbation
from disentangle.tables.comparable import final_runs


class Suite:
    """A suite of models. Each table is read when the first figure asks for it.

    Args:
        runs: the study's runs, by name, in its order.
        perturbation: what is done to last checkpoints.
        read: gives a table by its name; `training` is the trainer's logs of all runs.
    """

    def __init__(
        self,
        runs: Mapping[str, Run],
        perturbation: Perturbation,
        read: Callable[[str], pd.DataFrame],
    ) -> None:
        self.runs = {name: run for name, run in runs.items() if not run.hyperparameters.arm}
        """Those without an intervention. Runs of an experiment are in its own figures alone."""
        self.perturbation = perturbation
        self._read = read
        self._tables: dict[str, pd.DataFrame] = {}

    def table(self, name: str) -> pd.DataFrame:
        """A whole table, with rows of every run."""
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    @cached_property
    def observations(self) -> pd.DataFrame:
        """Rows without an intervention."""
        rows = self.table("observations")
        return rows[rows["arm"].fillna("") == ""]

    @property
    def last(self) -> pd.DataFrame:
        """Their last checkpoints as trained: a row per run."""
        return final_runs(self.observations, BASE)

    @property
    def logs(self) -> pd.DataFrame:
        """The trainer's logs of runs without an intervention."""
        logs = self.table("training")
        return logs[logs["run"].isin(list(self.runs))]
