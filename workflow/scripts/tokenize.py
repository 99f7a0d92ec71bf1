"""Token memmap of the training documents."""

from pathlib import Path

from disentangle.corpus.tokens import write_tokens
from disentangle.job import job

with job("tokenize", snakemake):
    write_tokens(
        documents=Path(snakemake.input.documents),
        tokenizer_folder=Path(snakemake.input.tokenizer).parent,
        limit=snakemake.params.limit,
        tokens=Path(snakemake.output.tokens),
        manifest=Path(snakemake.output.manifest),
    )
