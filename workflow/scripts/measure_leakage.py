"""13-gram overlap of each held-out domain with the training documents."""

from pathlib import Path

from disentangle.corpus.documents import read_text_batches, read_texts
from disentangle.corpus.leakage import overlap
from disentangle.job import job
from disentangle.tables.files import write_table
from disentangle.tables.leakage import LEAKAGE

with job("measure_leakage", snakemake):
    train = read_text_batches(Path(snakemake.input.documents))
    heldout = {
        domain: read_texts(Path(snakemake.input[domain])) for domain in snakemake.params.domains
    }
    write_table(overlap(train, heldout), LEAKAGE, Path(snakemake.output[0]))
