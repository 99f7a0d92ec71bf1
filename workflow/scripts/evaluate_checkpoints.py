"""Evaluate held-out loss at every checkpoint of a cohort's runs, and tasks at the last."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.quarantine import write_quarantined
from disentangle.checkpoint.references import (
    perturbed_references,
    read_perturbed,
    trained_references,
)
from disentangle.evaluation.measure import evaluate, evaluating_code
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.evaluation import EvaluateCheckpoints
from disentangle.tables.evaluation import EVALUATION, PASSAGES
from disentangle.tables.files import write_table

with job("evaluate", snakemake) as say:
    spec = EvaluateCheckpoints.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    outcomes = [o for path in snakemake.input.perturbed for o in read_perturbed(Path(path))]
    rows, passages, quarantined = evaluate(
        trained_references(manifests.values())
        + perturbed_references(outcomes, manifests, folder.perturbed),
        heldout={domain: Path(snakemake.input[domain]) for domain in spec.domains},
        settings=spec.settings,
        cache=Cache(folder.cache("evaluation")),
        code_version=evaluating_code(),
        threads=snakemake.threads,
        say=say,
    )
    write_table(rows, EVALUATION, Path(snakemake.output.rows))
    write_table(passages, PASSAGES, Path(snakemake.output.passages))
    write_quarantined(quarantined, Path(snakemake.output.quarantined))
