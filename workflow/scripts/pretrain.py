"""Train the runs of a cohort, or what is missing of them."""

from pathlib import Path

from disentangle.checkpoint.cohort import write_cohort
from disentangle.job import about, job
from disentangle.study.run import Run
from disentangle.study.sections.execution import Execution

with job("pretrain", snakemake) as say:
    from disentangle.training.log import write_training_table
    from disentangle.training.pretrain import pretrain

    checkpoints = Path(snakemake.params.checkpoints)
    execution = Execution.model_validate(snakemake.config.get("execution", {}))
    nodes = snakemake.resources.nodes
    processes = max(1, snakemake.resources.gpu)
    runs = [Run.from_json(data) for data in snakemake.params.runs]
    for run in runs:
        folder = checkpoints / run.name
        manifest = pretrain(
            run,
            folder=folder,
            tokens=[Path(path) for path in snakemake.input.tokens],
            tokens_manifest=Path(snakemake.input.tokens_manifest),
            tokenizer=Path(snakemake.input.tokenizer).parent,
            keep_states=snakemake.params.keep_states,
            strategy=execution.strategy,
            processes=processes,
            nodes=nodes,
            threads=max(1, snakemake.threads * nodes // processes),
            micro_batch=execution.micro_batch,
            save_minutes=execution.save_minutes,
            say=about(run.name, say),
        )
        write_training_table(folder, run.name, folder / "training.parquet")
        manifest.write(folder / "manifest.json")
    write_cohort([run.name for run in runs], checkpoints, Path(snakemake.output[0]))
