"""The experiment's runs as blocks: one row a seed, one column an arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disentangle.checkpoint.references import BASE
from disentangle.errors import StudyError
from disentangle.statistics.bootstrap import Floats

CONTROL = ""
"""Name and kind of the arm in which nothing is done."""

KINDS = ("spectrum", "initial_spectrum", "rotate", "norm", "gauge", "factor")
"""Kinds of intervention, in the order in which arms are shown."""

COLUMNS = ("run", "size", "configuration", "arm", "intervention", "dose", "seed")


@dataclass(frozen=True)
class Arm:
    """One arm of the experiment."""

    name: str
    kind: str = CONTROL
    """What is done to W, one of `KINDS`."""
    dose: float = float("nan")
    """How much of it, in the unit of its kind."""

    @property
    def label(self) -> str:
        """Its name for readers."""
        return self.name or "control"


@dataclass(frozen=True)
class Panel:
    """One cell of the design (size and configuration) under every arm."""

    size: str
    configuration: str
    arms: tuple[Arm, ...]
    """The control, then by kind and dose."""
    seeds: tuple[str, ...]
    """The blocks: a seed, or `init/data` where those were set apart."""
    runs: pd.DataFrame
    """Every run there is, with `block` and `column` for its place, `finished` and `diverged`. Of a
    run that has not finished, only what was planned is meant."""

    def values(self, column: str) -> Floats:
        """A column of the final checkpoints, seeds x arms; NaN where there is no such run."""
        found = np.full((len(self.seeds), len(self.arms)), np.nan)
        rows = self.runs[self.runs["finished"]]
        if column in rows:
            found[rows["block"], rows["column"]] = rows[column].to_numpy(np.float64)
        return found

    def where(self, state: str) -> NDArray[np.bool_]:
        """Where a run is `finished` or `diverged`, seeds x arms."""
        found = np.zeros((len(self.seeds), len(self.arms)), bool)
        found[self.runs["block"], self.runs["column"]] = self.runs[state].to_numpy(bool)
        return found

    @property
    def trained(self) -> NDArray[np.bool_]:
        """Where a run has finished or diverged, and so is known to the end."""
        return np.asarray(self.where("finished") | self.where("diverged"))

    def of_kind(self, kind: str) -> list[int]:
        """Places of the arms of a kind, by ascending dose."""
        return [place for place, arm in enumerate(self.arms) if arm.kind == kind]

    def place(self, name: str) -> int:
        """Place of an arm by its name."""
        return next(place for place, arm in enumerate(self.arms) if arm.name == name)

    @property
    def doses(self) -> list[int]:
        """The control and the arms that hold a spectrum: they differ in the target alone."""
        return [0, *self.of_kind("spectrum")]

    @property
    def factored(self) -> int | None:
        """The arm that shows what factors alone do: those of full inner dimension."""
        full = [place for place in self.of_kind("factor") if self.arms[place].dose == 1]
        return full[0] if full else None

    @property
    def limited(self) -> list[int]:
        """The arms whose inner dimension limits the rank."""
        return [place for place in self.of_kind("factor") if self.arms[place].dose < 1]


def _blocks(runs: pd.DataFrame) -> list[str]:
    """Each run's block: runs of a block begin alike and read the same text in the same order."""
    seeds = runs["seed"].tolist()
    apart = [
        runs[name].fillna(runs["seed"]).tolist() if name in runs else seeds
        for name in ("init_seed", "data_seed")
    ]
    return [
        f"{seed:.0f}" if seed == init == data else f"{init:.0f}/{data:.0f}"
        for seed, init, data in zip(seeds, *apart, strict=True)
    ]


def _arms(runs: pd.DataFrame) -> tuple[Arm, ...]:
    found = runs[["arm", "intervention", "dose"]].drop_duplicates()
    if unlike := found["arm"][found["arm"].duplicated()].tolist():
        raise StudyError(f"arm {unlike[0]!r} has several kinds or doses in one cell")
    order = {kind: place for place, kind in enumerate((CONTROL, *KINDS))}
    if unknown := sorted(set(found["intervention"]) - set(order)):
        raise StudyError(f"intervention {unknown[0]!r} is none of {', '.join(KINDS)}")
    columns = (found[name].tolist() for name in ("arm", "intervention", "dose"))
    arms = [Arm(name, kind, float(dose)) for name, kind, dose in zip(*columns, strict=True)]
    return tuple(sorted(arms, key=lambda arm: (order[arm.kind], arm.dose, arm.name)))


def panels(observations: pd.DataFrame) -> list[Panel]:
    """The experiment in each cell that has interventions and a control.

    A run is `finished` if its last planned checkpoint is there, and `diverged` if its status says
    so. Blocks need not be complete: a comparison takes the seeds that have all its arms.

    Args:
        observations: the observations table, with the columns `COLUMNS`, `variant`, `final` and
            `status`. `arm` is empty for the control and for runs outside of the experiment; those
            outside have another size or configuration.

    Raises:
        StudyError: if two runs have the same cell, arm and seed, or an arm is not the same
            everywhere.
    """
    if not set(COLUMNS) <= set(observations.columns):
        return []
    rows = observations[observations["variant"] == BASE]
    rows = rows.assign(
        arm=rows["arm"].fillna(CONTROL), intervention=rows["intervention"].fillna(CONTROL)
    )
    if "late" in rows:  # a run that was changed late is no control
        rows = rows[rows["late"].fillna("") == ""]
    rows = rows[rows["seed"].notna()]
    # the last row of a run stands for it, whether it is the last planned or not
    latest = rows.sort_values(["run", "step"]).groupby("run", sort=True).tail(1)
    found = []
    for (size, configuration), cell in latest.groupby(["size", "configuration"], sort=True):
        if (cell["arm"] != CONTROL).any() and (cell["arm"] == CONTROL).any():
            found.append(_panel(str(size), str(configuration), cell))
    return found


def _panel(size: str, configuration: str, cell: pd.DataFrame) -> Panel:
    arms, blocks = _arms(cell), _blocks(cell)
    seeds = tuple(sorted(set(blocks), key=lambda name: [int(n) for n in name.split("/")]))
    places = {seed: place for place, seed in enumerate(seeds)}
    columns = {arm.name: place for place, arm in enumerate(arms)}
    diverged = cell["status"] == "diverged"
    runs = cell.assign(
        block=[places[block] for block in blocks],
        column=cell["arm"].map(columns),
        diverged=diverged,
        finished=cell["final"].astype(bool) & ~diverged,
    ).reset_index(drop=True)
    if (twice := runs.duplicated(["block", "column"])).any():
        row = runs[twice].iloc[0]
        raise StudyError(f"run {row['run']} is not the only one of its arm and seed")
    return Panel(size, configuration, arms, seeds, runs)
