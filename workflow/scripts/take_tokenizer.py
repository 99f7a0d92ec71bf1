"""Fetch and check a tokenizer that others trained."""

from pathlib import Path

from disentangle.corpus.named_tokenizers import pinned_tokenizer
from disentangle.corpus.tokenizer import take_tokenizer
from disentangle.job import job
from disentangle.study.specs.text import TakeTokenizer

with job("take_tokenizer", snakemake):
    spec = TakeTokenizer.read(snakemake.input.spec)
    take_tokenizer(
        pinned_tokenizer(spec.tokenizer.name, snakemake.input.get("hub")),
        spec.tokenizer.vocab_size,
        Path(snakemake.output.tokenizer).parent,
        spec.max_length,
    )
