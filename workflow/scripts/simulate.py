"""How far each estimator can be trusted on this study's design."""

from pathlib import Path

import pandas as pd

from disentangle.calibration.calibrate import calibrate
from disentangle.job import job
from disentangle.study.run import read_design
from disentangle.study.sections.statistics import Calibration
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import write_table

with job("simulate", snakemake.log[0]):
    settings = Calibration.model_validate(snakemake.params.settings)
    runs = read_design(Path(snakemake.input.design)).values()
    design = pd.DataFrame({"run": run.name} | run.covariates() for run in runs)
    rows = []
    if len(design):
        # which means the same at every size
        design["learning_rate"] = design["learning_rate_multiple"]
        rows = calibrate(design, **dict(settings), seed=snakemake.params.seed)
    write_table(rows, CALIBRATION, Path(snakemake.output[0]))
