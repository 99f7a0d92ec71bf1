"""Compare each layer of every checkpoint of a cohort's runs with its final state."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.geometry.trajectory import compare_layers, comparing_code
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.geometry import CompareLayers
from disentangle.tables.files import write_table
from disentangle.tables.geometry import LAYERS

with job("layers", snakemake) as say:
    spec = CompareLayers.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    rows = [
        row
        for manifest in manifests.values()
        for row in compare_layers(
            manifest,
            heldout={domain: Path(snakemake.input[domain]) for domain in spec.domains},
            max_tokens=spec.max_tokens,
            cache=Cache(folder.cache("layers")),
            code_version=comparing_code(),
            threads=snakemake.threads,
            say=say,
        )
    ]
    write_table(rows, LAYERS, Path(snakemake.output[0]))
