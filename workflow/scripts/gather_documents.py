"""Training documents of all sources, each text once."""

from pathlib import Path

from disentangle.corpus.documents import gather_documents, write_texts
from disentangle.corpus.hub_text import pinned
from disentangle.job import job

with job("gather_documents", snakemake):
    sources = pinned(snakemake.params.sources, snakemake.input.get("hub"))
    write_texts(gather_documents(sources), sources, Path(snakemake.output[0]))
