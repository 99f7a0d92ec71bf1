"""All figures of the report, as SVG for the page and as PDF for a paper."""

from pathlib import Path

from disentangle.figures import draw
from disentangle.figures.style import save
from disentangle.job import job
from disentangle.study.design import read_design
from disentangle.tables.files import read_tables

with job("draw_figures", snakemake.log[0]):
    figures = draw(
        runs=read_design(Path(snakemake.input.design)),
        observations=read_tables([Path(snakemake.input.observations)]),
        associations=read_tables([Path(snakemake.input.associations)]),
        training=read_tables([Path(path) for path in snakemake.input.training]),
    )
    paths = zip(snakemake.params.figures, snakemake.output.svg, snakemake.output.pdf, strict=True)
    for name, svg, pdf in paths:
        save(figures[name], Path(svg), Path(pdf))
