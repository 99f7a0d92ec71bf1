"""A model from elsewhere, at all its steps, as checkpoints like our own."""

from pathlib import Path

from disentangle.checkpoint.cohort import write_cohort
from disentangle.corpus.documents import read_texts
from disentangle.job import about, job
from disentangle.study.external import ExternalRun

with job("import", snakemake) as say:
    from disentangle.checkpoint.importing import import_run

    run = ExternalRun.from_json(snakemake.params.run)
    checkpoints = Path(snakemake.params.checkpoints)
    hub = snakemake.input.get("hub")
    manifest = import_run(
        run,
        folder=checkpoints / run.name,
        warmed=Path(hub) if hub else None,
        texts=read_texts(Path(snakemake.input.passages)),
        code_version=snakemake.params.code,
        say=about(run.name, say),
    )
    manifest.write(checkpoints / run.name / "manifest.json")
    write_cohort([run.name], checkpoints, Path(snakemake.output[0]))
