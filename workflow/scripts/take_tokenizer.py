"""A tokenizer that somebody else trained, checked."""

from pathlib import Path

from disentangle.corpus.named_tokenizers import pinned_tokenizer
from disentangle.corpus.tokenizer import take_tokenizer
from disentangle.job import job

with job("take_tokenizer", snakemake):
    tokenizer = snakemake.params.tokenizer
    take_tokenizer(
        pinned_tokenizer(tokenizer["name"], snakemake.input.get("hub")),
        tokenizer["vocab_size"],
        Path(snakemake.output.tokenizer).parent,
        snakemake.params.max_length,
    )
