"""Association of every geometry metric with every outcome, over the final checkpoints, as trained
and as perturbed."""

from pathlib import Path

from disentangle.job import job
from disentangle.statistics.variants import associate_variants
from disentangle.study.specs.estimates import Regress
from disentangle.tables.estimated import ASSOCIATIONS, REGRESSIONS
from disentangle.tables.files import read_tables, write_table

with job("regress", snakemake):
    spec = Regress.read(snakemake.input.spec)
    associations, fits = associate_variants(
        read_tables([Path(snakemake.input.observations)]),
        spec.settings,
        spec.domains,
    )
    write_table(associations, ASSOCIATIONS, Path(snakemake.output.associations))
    write_table(fits, REGRESSIONS, Path(snakemake.output.regressions))
