"""Gather the held-out passages of one domain."""

from pathlib import Path

from disentangle.corpus.documents import gather_passages, write_texts
from disentangle.corpus.hub_text import pinned
from disentangle.job import job
from disentangle.study.specs.text import GatherPassages

with job("gather_passages", snakemake):
    spec = GatherPassages.read(snakemake.input.spec)
    [source] = pinned([spec.heldout.source], snakemake.input.get("hub"))
    heldout = spec.heldout.model_copy(update={"source": source})
    passages = gather_passages(heldout, halved=spec.halved)
    write_texts(passages, [source], Path(snakemake.output[0]))
