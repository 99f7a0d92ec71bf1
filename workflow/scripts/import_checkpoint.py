"""Import all steps of an external model as checkpoints in our format."""

from pathlib import Path

from disentangle.checkpoint.cohort import write_cohort
from disentangle.corpus.documents import read_texts
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import ImportCheckpoint

with job("import", snakemake) as say:
    from disentangle.checkpoint.importing import import_run

    spec = ImportCheckpoint.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    run, checkpoints = spec.run, folder.checkpoints
    hub = snakemake.input.get("hub")
    manifest = import_run(
        run,
        folder=checkpoints / run.name,
        warmed=Path(hub) if hub else None,
        texts=read_texts(Path(snakemake.input.passages)),
        code_version=spec.code,
        say=about(run.name, say),
    )
    manifest.write(checkpoints / run.name / "manifest.json")
    write_cohort([run.name], checkpoints, Path(snakemake.output[0]))
