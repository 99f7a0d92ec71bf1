"""One shard of the training tokens."""

import os
from pathlib import Path

from disentangle.corpus.hub_text import pinned
from disentangle.corpus.parts import Part
from disentangle.job import job
from disentangle.study.sections.corpus import READY_MADE
from disentangle.study.specs.text import TokenizeShard

with job(f"tokenize_shard {snakemake.wildcards.shard}", snakemake):
    spec = TokenizeShard.read(snakemake.input.spec)
    # before tokenizers starts its threads
    os.environ |= {
        "TOKENIZERS_PARALLELISM": "true" if snakemake.threads > 1 else "false",
        "RAYON_NUM_THREADS": str(snakemake.threads),
    }
    from disentangle.corpus.shards import take_ready_made, write_shard

    part = Part(int(snakemake.wildcards.shard), spec.shards)
    sources = pinned(spec.sources, snakemake.input.get("hub"))
    made = {
        "tokenizer_folder": Path(snakemake.input.tokenizer).parent,
        "tokens": Path(snakemake.output.tokens),
        "manifest": Path(snakemake.output.manifest),
    }
    if sources[0].startswith(READY_MADE):
        take_ready_made(sources[0], part, **made)
    else:
        write_shard(sources, part, limit=spec.limit, **made)
