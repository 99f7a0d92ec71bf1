"""Draw all figures of the report, as SVG for the page and as PDF for a paper."""

from pathlib import Path

import pandas as pd

from disentangle.figures import FIGURES
from disentangle.figures.style import save
from disentangle.figures.suite import Suite
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.tables import DrawFigures
from disentangle.tables.files import read_tables

with job("draw_figures", snakemake):
    spec = DrawFigures.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)

    def read(name: str) -> pd.DataFrame:
        """A table of the study; logs and layers are a file per run or cohort."""
        if name == "training":
            logs = [folder.checkpoints / run.name / "training.parquet" for run in spec.runs]
            return read_tables(logs)
        files = snakemake.input[name]
        return read_tables([Path(file) for file in ([files] if isinstance(files, str) else files)])

    suite = Suite({run.name: run for run in spec.runs}, spec.perturbation, read)
    made = snakemake.output
    for name, svg, pdf in zip(spec.figures, made.svg, made.pdf, strict=True):
        save(FIGURES[name](suite), Path(svg), Path(pdf))
