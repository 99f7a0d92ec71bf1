"""Token memmap of the training documents."""

from pathlib import Path

from disentangle.corpus.tokens import write_tokens
from disentangle.job import job
from disentangle.study.specs.text import Tokenize

with job("tokenize", snakemake):
    spec = Tokenize.read(snakemake.input.spec)
    write_tokens(
        documents=Path(snakemake.input.documents),
        tokenizer_folder=Path(snakemake.input.tokenizer).parent,
        limit=spec.limit,
        tokens=Path(snakemake.output.tokens),
        manifest=Path(snakemake.output.manifest),
    )
