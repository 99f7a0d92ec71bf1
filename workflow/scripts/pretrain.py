"""Train the runs of a cohort, or their missing parts."""

from pathlib import Path

from disentangle.checkpoint.cohort import write_cohort
from disentangle.job import about, job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.models import ExecutionSpec, Pretrain

with job("pretrain", snakemake) as say:
    from disentangle.training.log import write_training_table
    from disentangle.training.pretrain import pretrain

    spec = Pretrain.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    execution = ExecutionSpec.read(snakemake.input.execution).execution
    nodes = snakemake.resources.nodes
    processes = max(1, snakemake.resources.gpu)
    for run in spec.runs:
        run_folder = folder.checkpoints / run.name
        manifest = pretrain(
            run,
            folder=run_folder,
            tokens=[Path(path) for path in snakemake.input.tokens],
            tokens_manifest=Path(snakemake.input.tokens_manifest),
            late_tokens=folder.late_tokens(run),
            tokenizer=Path(snakemake.input.tokenizer).parent,
            keep_states=spec.keep_states,
            strategy=execution.strategy,
            processes=processes,
            nodes=nodes,
            threads=max(1, snakemake.threads * nodes // processes),
            micro_batch=execution.micro_batch,
            save_minutes=execution.save_minutes,
            branches={
                folder.checkpoints / branch.name: branch
                for branch in spec.runs
                if branch.trunk == run.name
            },
            say=about(run.name, say),
        )
        write_training_table(run_folder, run.name, run_folder / "training.parquet")
        manifest.write(run_folder / "manifest.json")
    write_cohort([run.name for run in spec.runs], folder.checkpoints, Path(snakemake.output[0]))
