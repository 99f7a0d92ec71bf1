"""Train the last checkpoint of each of a cohort's runs further, after every operation and none."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import read_perturbed, write_perturbed
from disentangle.job import about, job
from disentangle.study.perturbation import recovered, recoveries
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import ExecutionSpec, Recover

with job("recover", snakemake) as say:
    from disentangle.perturbation.recover import recover

    spec = Recover.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    execution = ExecutionSpec.read(snakemake.input.execution).execution
    operated = read_perturbed(Path(snakemake.input.operated))
    nodes = snakemake.resources.nodes
    processes = max(1, snakemake.resources.gpu)
    outcomes = []
    for run in spec.runs:
        made = {outcome.variant: outcome for outcome in operated if outcome.run == run.name}
        for operation, stage in recoveries(spec.surgery):
            outcomes.append(
                recover(
                    run,
                    operation,
                    stage,
                    spec.surgery,
                    made=made,
                    manifest=manifests[run.name],
                    perturbed=folder.perturbed,
                    tokens=[Path(path) for path in snakemake.input.tokens],
                    tokens_manifest=Path(snakemake.input.tokens_manifest),
                    tokenizer=Path(snakemake.input.tokenizer).parent,
                    strategy=execution.strategy,
                    processes=processes,
                    nodes=nodes,
                    threads=max(1, snakemake.threads * nodes // processes),
                    micro_batch=execution.micro_batch,
                    save_minutes=execution.save_minutes,
                    say=about(f"{run.name} {recovered(operation, stage)}", say),
                )
            )
    write_perturbed(outcomes, Path(snakemake.output[0]))
