"""Gather the training documents of all sources without duplicates."""

from pathlib import Path

from disentangle.corpus.documents import gather_documents, write_texts
from disentangle.corpus.hub_text import pinned
from disentangle.job import job
from disentangle.study.specs.text import GatherDocuments

with job("gather_documents", snakemake):
    spec = GatherDocuments.read(snakemake.input.spec)
    sources = pinned(spec.sources, snakemake.input.get("hub"))
    write_texts(gather_documents(sources), sources, Path(snakemake.output[0]))
