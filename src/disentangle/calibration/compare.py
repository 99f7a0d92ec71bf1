"""Compare the power of several designs to detect an association, and their training cost.

    python -m disentangle.calibration.compare studies/seeds.yaml studies/mini108.yaml

Study files are merged over config.yaml, as in the workflow.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from disentangle.calibration.calibrate import calibrate, planned_design
from disentangle.calibration.processes import PROCESSES
from disentangle.errors import StudyError
from disentangle.study.config import StudyConfig
from disentangle.study.file import read_study
from disentangle.study.grid import expand
from disentangle.study.run import own_flops

COMPARED = ("residual", "within")
"""The estimators that keep their level in some process in which training drives both."""


def compare_designs(
    designs: Mapping[str, pd.DataFrame],
    *,
    effects: Sequence[float],
    noise: float,
    studies: int,
    seed: int,
    processes: Sequence[str] = ("interacting", "size_dependent"),
) -> pd.DataFrame:
    """False positives and power of the residual and the within-cell test on each design.

    Rows of the calibration table with a column `design`, without intervals. Power is meaningful
    only if the false positives of the same design, process and estimator are near 5 %.
    """
    tables = []
    for name, design in designs.items():
        rows = calibrate(
            design,
            effects=effects,
            noise=noise,
            studies=studies,
            with_intervals=0,
            resamples=1,
            seed=seed,
            processes=processes,
        )
        tables.append(pd.DataFrame(rows).query("estimator in @COMPARED").assign(design=name))
    return pd.concat(tables, ignore_index=True)


def design_of(study: StudyConfig) -> pd.DataFrame:
    """The runs that a study trains, with the columns that estimators control for.

    Raises:
        StudyError: if it trains no runs.
    """
    runs = expand(study)
    if not runs:
        raise StudyError(f"study {study.study} trains nothing, so it has no design to compare")
    return planned_design(runs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a comparison of the designs of several study files; see the module."""
    parser = ArgumentParser(prog="python -m disentangle.calibration.compare")
    parser.add_argument("files", nargs="+", type=Path, help="study files")
    parser.add_argument(
        "--studies", type=int, default=500, help="simulations per process and effect"
    )
    parser.add_argument("--effect", type=float, default=0.5, help="correlation to plant")
    given = parser.parse_args(arguments)
    try:
        studies = [read_study([path]) for path in given.files]
        designs = {study.study: design_of(study) for study in studies}
    except StudyError as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None
    for study in studies:
        cost = sum(own_flops(run) for run in expand(study))
        print(f"{study.study}: {len(designs[study.study])} runs, {cost:.2g} training operations")
    table = compare_designs(
        designs,
        effects=[given.effect],
        noise=studies[0].statistics.calibration.noise,
        studies=given.studies,
        seed=studies[0].statistics.seed,
        processes=list(PROCESSES),
    )
    shown = table.assign(
        percent=(100 * table["found"]).round(1),
        low=(100 * table["found_low"]).round(1),
        high=(100 * table["found_high"]).round(1),
    )
    columns = ["process", "estimator", "kind", "design", "answered", "percent", "low", "high"]
    ordered = shown[columns].sort_values(["process", "estimator", "kind", "design"], kind="stable")
    print(ordered.to_string(index=False))


if __name__ == "__main__":
    main()
