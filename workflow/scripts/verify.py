"""Verify an archive: its files, its description, and that its tables follow from them."""

from pathlib import Path

from disentangle.archive.rebuild import verify
from disentangle.errors import StudyError
from disentangle.job import job

with job("verify", snakemake) as say:
    if snakemake.params.archive is None:
        raise StudyError(
            "Say which archive: snakemake verify --cores 2 --config archive=FILE.crate.zip"
        )
    root = Path(snakemake.params.root)
    verify(Path(snakemake.params.archive), root, snakemake.threads, say)
