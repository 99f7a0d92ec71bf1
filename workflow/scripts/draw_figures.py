"""Draw all figures of the report, as SVG for the page and as PDF for a paper."""

from pathlib import Path

from disentangle.figures import draw
from disentangle.figures.style import save
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.tables import DrawFigures
from disentangle.tables.files import read_tables
from disentangle.tables.neighbours import BY_NAME

with job("draw_figures", snakemake):
    spec = DrawFigures.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    logs = [folder.checkpoints / run.name / "training.parquet" for run in spec.runs]
    layers = [Path(path) for path in snakemake.input.layers]
    slopes = [Path(path) for path in snakemake.input.slopes]
    figures = draw(
        runs={run.name: run for run in spec.runs},
        observations=read_tables([Path(snakemake.input.observations)]),
        associations=read_tables([Path(snakemake.input.associations)]),
        agreement=read_tables([Path(snakemake.input.agreement)]),
        over_training=read_tables([Path(snakemake.input.over_training)]),
        training=read_tables(logs) if logs else None,
        layers=read_tables(layers) if layers else None,
        slopes=read_tables(slopes) if slopes else None,
        findings={
            name: read_tables([Path(path) for path in paths])
            for name in BY_NAME
            if (paths := snakemake.input.get(name))
        },
        perturbation=spec.perturbation,
    )
    made = snakemake.output
    for name, svg, pdf in zip(spec.figures, made.svg, made.pdf, strict=True):
        save(figures[name], Path(svg), Path(pdf))
