"""Gather the documents of one fine-tuning target."""

from pathlib import Path

from disentangle.corpus.documents import read_texts, write_texts
from disentangle.corpus.hub_text import pinned
from disentangle.corpus.targets import gather_target
from disentangle.job import job
from disentangle.study.specs.text import GatherTarget

CHARACTERS_PER_TOKEN = 16
"""Text read for each token that is trained on: several times what a token stands for, so that the
documents trained on are drawn from more than a source's beginning."""

with job("gather_target", snakemake):
    spec = GatherTarget.read(snakemake.input.spec)
    [source] = pinned([spec.source], snakemake.input.get("hub"))
    heldout = {domain: read_texts(Path(snakemake.input[domain])) for domain in spec.domains}
    documents = gather_target(source, CHARACTERS_PER_TOKEN * spec.tokens, heldout)
    write_texts(documents, [source], Path(snakemake.output[0]))
