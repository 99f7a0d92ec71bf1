"""Held-out passages of one domain."""

from pathlib import Path

from disentangle.corpus.documents import gather_passages, write_texts
from disentangle.corpus.hub_text import pinned
from disentangle.job import job
from disentangle.study.sections.corpus import HeldOut

with job("gather_passages", snakemake):
    heldout = HeldOut.model_validate(snakemake.params.heldout)
    [source] = pinned([heldout.source], snakemake.input.get("hub"))
    heldout = heldout.model_copy(update={"source": source})
    passages = gather_passages(heldout, halved=snakemake.params.halved)
    write_texts(passages, [source], Path(snakemake.output[0]))
