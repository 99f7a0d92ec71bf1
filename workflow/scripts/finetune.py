"""Fine-tune the last checkpoint of each of a cohort's runs on every target."""

from pathlib import Path

from disentangle.checkpoint.cohort import read_cohort
from disentangle.checkpoint.references import perturbed_folder, write_perturbed
from disentangle.job import about, job
from disentangle.study.perturbation import finetuned
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import ExecutionSpec, Finetune

with job("finetune", snakemake) as say:
    from disentangle.perturbation.finetune import finetune

    spec = Finetune.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    execution = ExecutionSpec.read(snakemake.input.execution).execution
    nodes = snakemake.resources.nodes
    processes = max(1, snakemake.resources.gpu)
    outcomes = []
    for run in spec.runs:
        for target in spec.perturbation.finetune:
            variant = finetuned(target)
            outcomes.append(
                finetune(
                    run,
                    target,
                    spec.perturbation,
                    manifest=manifests[run.name],
                    folder=perturbed_folder(folder.perturbed, run.name, variant),
                    tokens=[Path(snakemake.input[target])],
                    tokens_manifest=Path(snakemake.input[target]).with_suffix(".json"),
                    tokenizer=Path(snakemake.input.tokenizer).parent,
                    strategy=execution.strategy,
                    processes=processes,
                    nodes=nodes,
                    threads=max(1, snakemake.threads * nodes // processes),
                    micro_batch=execution.micro_batch,
                    save_minutes=execution.save_minutes,
                    say=about(f"{run.name} {variant}", say),
                )
            )
    write_perturbed(outcomes, Path(snakemake.output[0]))
