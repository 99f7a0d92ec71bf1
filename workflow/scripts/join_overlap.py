"""13-gram overlap of each held-out domain with all shards of the training tokens."""

from pathlib import Path

from disentangle.corpus.documents import read_texts
from disentangle.corpus.shard_leakage import joined_overlap
from disentangle.job import job
from disentangle.study.specs.text import MeasureLeakage
from disentangle.tables.files import write_table
from disentangle.tables.leakage import LEAKAGE

with job("measure_leakage", snakemake):
    spec = MeasureLeakage.read(snakemake.input.spec)
    heldout = {domain: read_texts(Path(snakemake.input[domain])) for domain in spec.domains}
    found = [Path(path) for path in snakemake.input.found]
    folder = Path(snakemake.input.tokenizer).parent
    write_table(joined_overlap(found, folder, heldout), LEAKAGE, Path(snakemake.output[0]))
