"""Quantise a run's last checkpoint at every bit width of the study, each once."""

from pathlib import Path

from disentangle.checkpoint.changed import made_before
from disentangle.checkpoint.guard import measuring_device
from disentangle.checkpoint.manifest import read_checkpoint, read_run, step_folder
from disentangle.checkpoint.references import Perturbed, perturbed_folder
from disentangle.errors import QuarantineError
from disentangle.job import Say
from disentangle.perturbation.calibration import calibration_sequences
from disentangle.perturbation.quantized_checkpoint import settings_of, write_quantized
from disentangle.provenance import PACKAGE, code_hash
from disentangle.study.perturbation import quantized
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Quantization


def quantizing_code() -> str:
    """Hash of the code that quantised weights depend on, besides the calibration sequences."""
    return code_hash(PACKAGE / "perturbation" / "quantized_checkpoint.py")


def quantize_run(
    run: Run,
    settings: Quantization,
    *,
    manifest: Path,
    perturbed: Path,
    texts: list[str],
    code_version: str,
    say: Say,
) -> list[Perturbed]:
    """Quantise the last planned checkpoint of a run at every bit width.

    Args:
        run: the run as it was trained.
        settings: the study's section.
        manifest: the run's manifest, beside its checkpoints.
        perturbed: the folder of all perturbed checkpoints.
        texts: the calibration texts.
        code_version: from `quantizing_code`; checkpoints of another version are made again.
        say: tells the screen.

    Returns:
        One outcome per bit width. A run that diverged has nothing to quantise.
    """
    last = run.checkpoints[-1]
    variants = {bits: quantized(bits) for bits in settings.bits}
    if last not in read_run(manifest).checkpoints:
        return [
            Perturbed(run.name, variant, last, None, None, "the run diverged")
            for variant in variants.values()
        ]
    base = step_folder(manifest.parent, last)
    sequences = calibration_sequences(
        texts,
        base,
        count=settings.sequences,
        length=run.model.sequence_length,
        wanted_by="perturbation.quantize",
    )
    outcomes = []
    for bits, variant in variants.items():
        folder = step_folder(perturbed_folder(perturbed, run.name, variant), last)
        wanted = settings_of(
            read_checkpoint(base), sequences, bits=bits, group_size=settings.group_size
        )
        made = made_before(folder, wanted, code_version)
        if made is None:
            try:
                made = write_quantized(
                    base,
                    folder,
                    sequences,
                    bits=bits,
                    group_size=settings.group_size,
                    code_version=code_version,
                    device=measuring_device(),
                )
            except QuarantineError as fault:
                say(str(fault))
                reason = f"the checkpoint it is made of is quarantined: {fault.reason}"
                outcomes.append(Perturbed(run.name, variant, last, None, None, reason))
                continue
            say(f"{variant}, calibrated on {sequences.numel():,} tokens")
        outcomes.append(Perturbed(run.name, variant, last, last, made.weights_sha256, ""))
    return outcomes
