"""All figures of the report, as SVG for the page and as PDF for a paper."""

from pathlib import Path

from disentangle.figures import draw
from disentangle.figures.style import save
from disentangle.job import job
from disentangle.study.run import read_design
from disentangle.study.sections.perturbation import Perturbation
from disentangle.tables.files import read_tables

with job("draw_figures", snakemake):
    runs = read_design(Path(snakemake.input.design))
    checkpoints = Path(snakemake.params.checkpoints)
    logs = [checkpoints / run / "training.parquet" for run in runs]
    layers = [Path(path) for path in snakemake.input.layers]
    figures = draw(
        runs=runs,
        observations=read_tables([Path(snakemake.input.observations)]),
        associations=read_tables([Path(snakemake.input.associations)]),
        agreement=read_tables([Path(snakemake.input.agreement)]),
        training=read_tables(logs) if logs else None,
        layers=read_tables(layers) if layers else None,
        perturbation=Perturbation.model_validate(snakemake.params.perturbation),
    )
    paths = zip(snakemake.params.figures, snakemake.output.svg, snakemake.output.pdf, strict=True)
    for name, svg, pdf in paths:
        save(figures[name], Path(svg), Path(pdf))
