"""Archive the study in one file that others can verify and run again."""

from pathlib import Path

from disentangle.archive.write import Request, write_archive
from disentangle.job import job
from disentangle.study.config import StudyConfig
from disentangle.study.results_folder import StudyFolder

with job("archive", snakemake) as say:
    given = snakemake.params
    study = StudyConfig.model_validate(given.study | {"archive": given.wanted})
    write_archive(
        Request(
            study=study,
            root=Path(given.root),
            folder=StudyFolder.of(study.study).path,
            config_files=[Path(path) for path in given.config_files],
            scripts=given.scripts,
            results=list(snakemake.input),
            allow_uncommitted=given.allow_uncommitted,
        ),
        Path(snakemake.output[0]),
        say,
    )
