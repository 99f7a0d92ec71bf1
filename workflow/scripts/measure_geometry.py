"""Geometry of every checkpoint of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.quarantine import write_set_aside
from disentangle.geometry.measure import measure_run
from disentangle.geometry.quantities import quantity_codes
from disentangle.job import job
from disentangle.study.folder import StudyFolder
from disentangle.study.specs.geometry import MeasureGeometry
from disentangle.tables.files import write_table
from disentangle.tables.geometry import GEOMETRY

with job("geometry", snakemake) as say:
    spec = MeasureGeometry.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    rows, refused = [], []
    for manifest in manifests.values():
        of_run, set_aside = measure_run(
            manifest,
            heldout={domain: Path(snakemake.input[domain]) for domain in spec.domains},
            max_tokens=spec.max_tokens,
            cells=Cells(folder.cells("geometry")),
            codes=quantity_codes(),
            threads=snakemake.threads,
            say=say,
        )
        rows += of_run
        refused += set_aside
    write_table(rows, GEOMETRY, Path(snakemake.output.rows))
    write_set_aside(refused, Path(snakemake.output.refused))
