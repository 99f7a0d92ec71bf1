"""Calibrate each estimator on simulated studies of this study's design."""

from pathlib import Path

from disentangle.calibration.calibrate import calibrate_once, planned_design
from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.references import BASE
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.tables import Simulate
from disentangle.tables.comparable import final_runs
from disentangle.tables.estimated import CALIBRATION
from disentangle.tables.files import read_tables, write_table

with job("simulate", snakemake):
    spec = Simulate.read(snakemake.input.spec)
    cache = Cache(StudyFolder.of_spec(snakemake.input.spec).cache("calibration"))
    if snakemake.input.observations:
        design = final_runs(read_tables([Path(snakemake.input.observations[0])]), BASE)
    else:
        design = planned_design(spec.runs)
    rows = calibrate_once(design, spec.settings, spec.seed, cache)
    write_table(rows, CALIBRATION, Path(snakemake.output[0]))
