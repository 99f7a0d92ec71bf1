"""Facts about each run, for comparison with a run that is retrained elsewhere."""

from pathlib import Path
from typing import Any

from disentangle.checkpoint.manifest import MANIFEST, read_checkpoint, read_run, step_folder
from disentangle.job_record import find_records
from disentangle.storage import read_json
from disentangle.study.results_folder import StudyFolder


def run_facts(folder: Path) -> dict[str, Any]:
    """Hashes of the weights, losses, numerics and machine class of every run.

    Args:
        folder: a study's results.

    Returns:
        For each run: `checkpoints` (step to SHA-256, training loss and probe loss), `environment`,
        and `machine`, which is null if the run's job left no record.
    """
    study = StudyFolder(folder)
    machines = {
        run: record["machine"]
        for (rule, cohort), record in find_records(study.logs).items()
        if rule in ("pretrain", "import_checkpoint")
        and (trained := study.trained(cohort)).is_file()
        for run in read_json(trained)
    }
    facts = {}
    for path in sorted(study.checkpoints.glob(f"*/{MANIFEST}")):
        run = read_run(path)
        steps = {}
        for step in sorted(run.checkpoints):
            one = read_checkpoint(step_folder(path.parent, step))
            steps[str(step)] = {
                "weights_sha256": one.weights_sha256,
                "train_loss": one.train_loss,
                "probe_loss": one.probe_loss,
            }
        facts[run.run] = {
            "checkpoints": steps,
            "environment": run.environment,
            "machine": machines.get(run.run),
        }
    return facts
