"""Do every operation of the study to a run's last checkpoint, each once."""

from collections.abc import Mapping
from pathlib import Path

from disentangle.checkpoint.changed import made_before
from disentangle.checkpoint.guard import measuring_device
from disentangle.checkpoint.manifest import read_checkpoint, read_run, step_folder
from disentangle.checkpoint.references import Perturbed, perturbed_folder
from disentangle.errors import QuarantineError
from disentangle.job import Say
from disentangle.perturbation.calibration import calibration_sequences
from disentangle.perturbation.operated_checkpoint import settings_of, write_operated
from disentangle.provenance import PACKAGE, code_hash
from disentangle.study.perturbation import operated
from disentangle.study.run import Run
from disentangle.study.sections.surgery import Operation
from disentangle.surgery.gauge import UnreachableError


def operating_code() -> str:
    """Hash of the code that operated weights depend on, besides the calibration sequences."""
    return code_hash(PACKAGE / "perturbation" / "operated_checkpoint.py")


def operate_run(
    run: Run,
    operations: Mapping[str, Operation],
    *,
    sequences: int,
    manifest: Path,
    perturbed: Path,
    texts: list[str],
    code_version: str,
    say: Say,
) -> list[Perturbed]:
    """Operate on the last planned checkpoint of a run.

    Args:
        run: the run as it was trained.
        operations: what to do, by name.
        sequences: at most so many sequences of calibration texts are read for a temperature.
        manifest: the run's manifest, beside its checkpoints.
        perturbed: the folder of all perturbed checkpoints.
        texts: the calibration texts.
        code_version: from `operating_code`; checkpoints of another version are made again.
        say: tells the screen.

    Returns:
        One outcome per operation. A run that diverged has nothing to operate on.
    """
    last = run.checkpoints[-1]

    def nothing(name: str, reason: str) -> Perturbed:
        return Perturbed(run.name, operated(name), last, None, None, reason)

    if last not in read_run(manifest).checkpoints:
        return [nothing(name, "the run diverged") for name in operations]
    base = step_folder(manifest.parent, last)
    outcomes = []
    for name, operation in operations.items():
        read = None
        if operation.fits_temperature:
            read = calibration_sequences(
                texts,
                base,
                count=sequences,
                length=run.model.sequence_length,
                wanted_by="perturbation.surgery",
            )
        folder = step_folder(perturbed_folder(perturbed, run.name, operated(name)), last)
        wanted = settings_of(read_checkpoint(base), operation, read)
        made = made_before(folder, wanted, code_version)
        if made is None:
            try:
                made = write_operated(
                    base,
                    folder,
                    operation,
                    read,
                    name=name,
                    code_version=code_version,
                    device=measuring_device(),
                )
            except QuarantineError as fault:
                say(str(fault))
                reason = f"the checkpoint it is made of is quarantined: {fault.reason}"
                outcomes.append(nothing(name, reason))
                continue
            except UnreachableError as fault:
                say(f"{name}: {fault}")
                outcomes.append(nothing(name, str(fault)))
                continue
            say(f"{operated(name)} made")
        outcomes.append(Perturbed(run.name, operated(name), last, last, made.weights_sha256, ""))
    return outcomes
