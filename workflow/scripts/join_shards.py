"""The manifest of all shards of the training tokens."""

from pathlib import Path

from disentangle.corpus.shards import join_shards
from disentangle.job import job

with job("join_shards", snakemake):
    join_shards(
        [Path(path) for path in snakemake.input.manifests],
        [Path(path) for path in snakemake.input.tokens],
        Path(snakemake.output[0]),
    )
