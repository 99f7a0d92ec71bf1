"""How far each estimator can be trusted on this study's design."""

import json
from pathlib import Path

from disentangle.calibration.calibrate import calibrate, calibrating_code, planned_design
from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.references import BASE
from disentangle.job import job
from disentangle.storage import digest
from disentangle.study.folder import StudyFolder
from disentangle.study.settings import plain
from disentangle.study.specs.tables import Simulate
from disentangle.tables.comparable import final_runs
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import read_tables, write_table

with job("simulate", snakemake):
    spec = Simulate.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    if snakemake.input.observations:
        design = final_runs(read_tables([Path(snakemake.input.observations[0])]), BASE)
    else:
        design = planned_design(spec.runs)
    rows = []
    if len(design):
        cells = Cache(folder.cache("calibration"))
        key = {
            "design": digest(json.loads(design.to_json(orient="records"))),
            "settings": plain(spec.settings),
            "seed": spec.seed,
            "code": calibrating_code(),
        }
        if not cells.has(key):
            cells.put(key, calibrate(design, **dict(spec.settings), seed=spec.seed))
        rows = cells.get(key)
    write_table(rows, CALIBRATION, Path(snakemake.output[0]))
