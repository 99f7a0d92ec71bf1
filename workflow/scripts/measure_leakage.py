"""13-gram overlap of each held-out domain with the training documents."""

from pathlib import Path

from disentangle.corpus.documents import read_text_batches, read_texts
from disentangle.corpus.leakage import overlap
from disentangle.job import job
from disentangle.study.specs.text import MeasureLeakage
from disentangle.tables.files import write_table
from disentangle.tables.leakage import LEAKAGE

with job("measure_leakage", snakemake):
    spec = MeasureLeakage.read(snakemake.input.spec)
    train = read_text_batches(Path(snakemake.input.documents))
    heldout = {domain: read_texts(Path(snakemake.input[domain])) for domain in spec.domains}
    write_table(overlap(train, heldout), LEAKAGE, Path(snakemake.output[0]))
