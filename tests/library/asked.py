"""What both environments are asked: python asked.py TABLE.csv MAPPING.json MATRIX.npy MODEL

It prints, as JSON, what the library made of them. It uses nothing that is not the library's own.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from disentangle import analyze, measure
from disentangle.commands.__main__ import main
from disentangle.figures.associations import associations_figure
from disentangle.figures.metric_agreement import metric_agreement
from disentangle.figures.rank_and_loss import rank_and_loss
from disentangle.figures.style import save
from disentangle.observations import adopt
from disentangle.study.sections.observations import Reading
from disentangle.study.sections.statistics import Statistics

EXTRAS = ("datasets", "jinja2", "lm_eval", "olmo", "psutil", "snakemake", "transformers")
"""Modules of the extras, some of which other packages take along if they are there."""


def spread(singular_values: np.ndarray) -> float:
    """Largest over least."""
    return float(singular_values[0] / singular_values[-1])


def told(table: Path, mapping: Path, matrix: Path, model: Path) -> dict[str, Any]:
    """All that is compared."""
    reading = Reading.model_validate_json(mapping.read_bytes())
    observations = adopt(pd.read_csv(table), reading)
    found = analyze(observations, settings=Statistics(resamples=100))
    figures = {
        "associations": associations_figure(found.associations),
        "agreement": metric_agreement(found.agreement),
        "rank_and_loss": rank_and_loss(observations),
    }
    for name, figure in figures.items():
        save(figure, *(matrix.with_name(f"{name}.{kind}") for kind in ("svg", "pdf")))
    return {
        "versions": {name: version(name) for name in ("torch", "numpy", "pandas", "scipy")},
        "imported": sorted(name for name in EXTRAS if name in sys.modules),
        "array": measure(np.load(matrix), metrics=[spread]),
        "file": measure(matrix),
        "model": measure(model),
        "tables": {name: frame.to_dict("list") for name, frame in vars(found).items()},
        "status": main(["measure", str(matrix), "--out", str(matrix.with_name("row.parquet"))]),
    }


if __name__ == "__main__":
    answers = told(*map(Path, sys.argv[1:]))
    print(json.dumps(answers, default=lambda value: value.tolist()))
