"""Association of every geometry metric with every outcome, over the final checkpoints, as trained
and as perturbed."""

from pathlib import Path

import pandas as pd

from disentangle.job import job
from disentangle.statistics import associate, regressions
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.estimated import ASSOCIATIONS, REGRESSIONS
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.select import final_runs, geometry_metrics, outcomes

with job("regress", snakemake.log[0]):
    settings = Statistics.model_validate(snakemake.params.settings)
    observations = read_tables([Path(snakemake.input.observations)])
    metrics = geometry_metrics(observations)
    associations, fits = [], []
    for variant, rows in observations[observations["final"]].groupby("variant"):
        runs = final_runs(rows, variant)
        measured = outcomes(settings, snakemake.params.domains, variant)
        associations.append(
            associate(
                runs,
                measured,
                metrics,
                variant=variant,
                resamples=settings.resamples,
                seed=settings.seed,
            )
        )
        fits.append(regressions(runs, measured, metrics, variant=variant))
    write_table(pd.concat(associations), ASSOCIATIONS, Path(snakemake.output.associations))
    write_table(pd.concat(fits), REGRESSIONS, Path(snakemake.output.regressions))
