"""Geometry of every checkpoint of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.quarantine import write_quarantined
from disentangle.geometry.measurements import measurement_codes
from disentangle.geometry.of_run import measure_run
from disentangle.geometry.user_metric import read_user_metrics
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.geometry import MeasureGeometry
from disentangle.tables.files import write_table
from disentangle.tables.geometry import geometry_table

with job("geometry", snakemake) as say:
    spec = MeasureGeometry.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    own = read_user_metrics([metric.spelled for metric in spec.metrics])  # as they are now
    rows, quarantined = [], []
    for manifest in manifests.values():
        of_run, unusable = measure_run(
            manifest,
            heldout={domain: Path(snakemake.input[domain]) for domain in spec.domains},
            max_tokens=spec.max_tokens,
            cache=Cache(folder.cache("geometry")),
            codes=measurement_codes(),
            own=own,
            threads=snakemake.threads,
            say=say,
        )
        rows += of_run
        quarantined += unusable
    table = geometry_table({metric.name: metric.meaning for metric in own})
    write_table(rows, table, Path(snakemake.output.rows))
    write_quarantined(quarantined, Path(snakemake.output.quarantined))
