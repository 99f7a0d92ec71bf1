"""Which held-out 13-grams stand in one shard of the training tokens."""

from pathlib import Path

from disentangle.corpus.documents import read_texts
from disentangle.corpus.shard_leakage import find_overlap
from disentangle.job import job

with job(f"find_overlap {snakemake.wildcards.shard}", snakemake):
    find_overlap(
        Path(snakemake.input.tokens),
        Path(snakemake.input.tokenizer).parent,
        {domain: read_texts(Path(snakemake.input[domain])) for domain in snakemake.params.domains},
        Path(snakemake.output[0]),
    )
