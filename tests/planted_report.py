"""The report of a suite with a planted truth, made from tables alone: for the tests of the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from disentangle.figures import FIGURES
from disentangle.figures.style import save
from disentangle.figures.suite import Suite
from disentangle.observations import adopt, analyze
from disentangle.observations.analyze import TABLES
from disentangle.report import write_report
from disentangle.study.config import StudyConfig
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.collected import COSTS, MISSING
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import to_arrow

SIZES = {"1M": 1e6, "2M": 2e6, "4M": 4e6}
BATCHES = (16, 32, 64, 128)
DECAYS = (0.01, 0.1, 0.5)
STEPS = (10, 100, 1000)
SOURCE = {
    **{"file": "suite.csv", "sha256": "0" * 64, "rows": 0, "models": 0},
    **{"columns": {}, "the_same_for_all": {}, "not_known": [], "not_taken": []},
}


def suite() -> pd.DataFrame:
    """36 models of three checkpoints. Batch size moves the rank of W, and it and size the loss;
    stable rank of H lowers the loss by itself. One model's name is hostile."""
    rng = np.random.default_rng(1)
    rows = []
    for size, weights in SIZES.items():
        for batch in BATCHES:
            for decay in DECAYS:
                own, turn = rng.standard_normal(), np.log2(batch / 32)
                name = f"{size}-b{batch}-wd{decay}"
                for step in STEPS:
                    left = np.log10(STEPS[-1] / step)
                    rows.append(
                        {
                            "run": "</script><img src=x>" if name == "1M-b16-wd0.01" else name,
                            "size": size,
                            "params_non_embedding": weights,
                            "step": step,
                            "tokens": step * batch * 1000,
                            "tokens_budget": STEPS[-1] * batch * 1000,
                            "batch_size": batch,
                            "weight_decay": decay,
                            "learning_rate": 1.0,
                            "final_lr": 0.1,
                            # rounded, so that there are ties
                            "W_effective_rank_pct": 5
                            * round((60 + 8 * turn + 5 * left + rng.normal()) / 5),
                            "H_stable_rank": 20 + own + left,
                            "id_bits_per_byte": 1.5
                            + 0.4 * left
                            + 0.1 * turn
                            - 0.05 * np.log2(weights / 1e6)
                            - 0.05 * own
                            + 0.01 * rng.normal(),
                        }
                    )
    return pd.DataFrame(rows)


def planted_tables() -> dict[str, pd.DataFrame]:
    """The suite's tables by name; nothing was trained, so some are empty."""
    observations = adopt(suite())
    analysis = analyze(observations, settings=Statistics(resamples=100))
    empty = {
        table.name: to_arrow(pd.DataFrame(), table).to_pandas()
        for table in (CALIBRATION, MISSING, COSTS)
    }
    found = {table.name: getattr(analysis, table.name) for table in TABLES}
    return {"observations": observations} | found | empty


def write_planted_report(path: Path, config: dict[str, Any]) -> pd.DataFrame:
    """Write the page; returns the observations behind it.

    Args:
        path: of the page.
        config: a study file's content, to lay this study over.
    """
    tables = planted_tables()
    observations = tables["observations"]
    planted = Suite({}, Perturbation(), tables.__getitem__)
    names = ("rank_and_loss", "rank_over_training", "metric_agreement", "associations")
    drawn = {}
    for name in (*names, "raw_and_controlled"):
        svg = path.with_name(f"{name}.svg")
        save(FIGURES[name](planted), svg, svg.with_suffix(".pdf"))
        drawn[name] = svg.read_text()
    study = config | {"study": "planted", "observations": {"file": "suite.csv"}}
    write_report(
        path,
        study=StudyConfig.model_validate(study),
        runs={},
        corpus=None,
        source=SOURCE,
        leakage=None,
        tables=tables,
        costs=tables["costs"],
        figures=drawn,
    )
    return observations
