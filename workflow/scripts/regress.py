"""Association of every geometry metric with every outcome, over the final checkpoints."""

from pathlib import Path

from disentangle.job import job
from disentangle.statistics import associate, regressions
from disentangle.study.config import Statistics
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.schemas import ASSOCIATIONS, REGRESSIONS
from disentangle.tables.select import final_runs, geometry_metrics, outcomes

with job("regress", snakemake.log[0]):
    settings = Statistics.model_validate(snakemake.params.settings)
    observations = read_tables([Path(snakemake.input.observations)])
    runs = final_runs(observations, "base")
    measured = outcomes(settings, snakemake.params.domains)
    metrics = geometry_metrics(observations)
    write_table(
        associate(
            runs,
            measured,
            metrics,
            variant="base",
            resamples=settings.resamples,
            seed=settings.seed,
        ),
        ASSOCIATIONS,
        Path(snakemake.output.associations),
    )
    write_table(
        regressions(runs, measured, metrics, variant="base"),
        REGRESSIONS,
        Path(snakemake.output.regressions),
    )
