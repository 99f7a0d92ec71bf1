"""Find the held-out 13-grams that occur in one shard of the training tokens."""

from pathlib import Path

from disentangle.corpus.documents import read_texts
from disentangle.corpus.shard_leakage import find_overlap
from disentangle.job import job
from disentangle.study.specs.text import MeasureLeakage

with job(f"find_overlap {snakemake.wildcards.shard}", snakemake):
    spec = MeasureLeakage.read(snakemake.input.spec)
    find_overlap(
        Path(snakemake.input.tokens),
        Path(snakemake.input.tokenizer).parent,
        {domain: read_texts(Path(snakemake.input[domain])) for domain in spec.domains},
        Path(snakemake.output[0]),
    )
