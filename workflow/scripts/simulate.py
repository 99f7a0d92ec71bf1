"""How far each estimator can be trusted on this study's design."""

import json
from pathlib import Path

from disentangle.calibration.calibrate import calibrate, calibrating_code, planned_design
from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.subjects import BASE
from disentangle.job import job
from disentangle.storage import digest
from disentangle.study.run import read_design
from disentangle.study.sections.statistics import Calibration
from disentangle.tables.comparable import final_runs
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import read_tables, write_table

with job("simulate", snakemake):
    settings = Calibration.model_validate(snakemake.params.settings)
    if snakemake.input.observations:
        design = final_runs(read_tables([Path(snakemake.input.observations[0])]), BASE)
    else:
        design = planned_design(read_design(Path(snakemake.input.design)).values())
    rows = []
    if len(design):
        # a model from elsewhere makes the design's file newer and not another one
        cells = Cells(Path(snakemake.params.cells))
        key = {
            "design": digest(json.loads(design.to_json(orient="records"))),
            "settings": snakemake.params.settings,
            "seed": snakemake.params.seed,
            "code": calibrating_code(),
        }
        if not cells.has(key):
            cells.put(key, calibrate(design, **dict(settings), seed=snakemake.params.seed))
        rows = cells.get(key)
    write_table(rows, CALIBRATION, Path(snakemake.output[0]))
