"""The runs of the study, as a file."""

from pathlib import Path

from disentangle.job import job
from disentangle.storage import write_json

with job("write_design", snakemake):
    wanted = {"runs": snakemake.params.runs, "external": snakemake.params.external}
    write_json(Path(snakemake.output[0]), wanted)
