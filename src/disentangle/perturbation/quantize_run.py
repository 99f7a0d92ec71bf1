"""Quantise a run's last checkpoint at every bit width of the study, each once."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from disentangle.checkpoint.guard import measuring_device
from disentangle.checkpoint.manifest import (
    MANIFEST,
    WEIGHTS,
    CheckpointManifest,
    read_checkpoint,
    read_run,
    step_folder,
)
from disentangle.checkpoint.references import Perturbed, perturbed_folder
from disentangle.errors import QuarantineError, StudyError
from disentangle.job import Say
from disentangle.perturbation.quantized_checkpoint import settings_of, write_quantized
from disentangle.provenance import PACKAGE, code_hash
from disentangle.storage import DamagedError, sha256_of
from disentangle.study.perturbation import quantized
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Quantization


def quantizing_code() -> str:
    """Hash of the code that quantised weights depend on, besides the calibration sequences."""
    return code_hash(PACKAGE / "perturbation" / "quantized_checkpoint.py")


def calibration_sequences(
    texts: list[str], tokenizer_folder: Path, *, count: int, length: int
) -> torch.Tensor:
    """Concatenate texts, with an end-of-text token after each, and cut them into sequences.

    Args:
        texts: from the distribution that the model was trained on.
        tokenizer_folder: folder of the model's own tokenizer, with an end-of-text token.
        count: the largest number of sequences.
        length: tokens per sequence.

    Returns:
        Token ids, shape (count or fewer, length).

    Raises:
        StudyError: if the texts are too short for one sequence.
    """
    tokenizer = AutoTokenizer.from_pretrained(
        tokenizer_folder, local_files_only=True, trust_remote_code=False
    )
    tokens: list[int] = []
    for text in texts:
        tokens += [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        if len(tokens) >= count * length:
            break
    whole = min(count, len(tokens) // length)
    if not whole:
        raise StudyError(
            f"perturbation.quantize: the id passages left for calibration have {len(tokens)} "
            f"tokens, less than one sequence of {length}; raise corpus.heldout.id.passages"
        )
    return torch.tensor(tokens[: whole * length]).view(whole, length)


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
        texts, base, count=settings.sequences, length=run.model.sequence_length
    )
    outcomes = []
    for bits, variant in variants.items():
        folder = step_folder(perturbed_folder(perturbed, run.name, variant), last)
        wanted = settings_of(
            read_checkpoint(base), sequences, bits=bits, group_size=settings.group_size
        )
        made = _made_before(folder, wanted, code_version)
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


def _made_before(
    folder: Path, wanted: dict[str, Any], code_version: str
) -> CheckpointManifest | None:
    """The manifest of a folder that holds the wanted checkpoint, or None.

    The weights must be intact, or absent because an archive keeps only their hash.
    """
    if not (folder / MANIFEST).is_file():
        return None
    try:
        manifest = read_checkpoint(folder)
    except DamagedError:
        return None
    as_wanted = manifest.settings == wanted and manifest.code_version == code_version
    if not as_wanted:
        return None
    weights = folder / WEIGHTS
    let_go = not weights.exists()  # as in an archive that keeps only their hash
    return manifest if let_go or sha256_of(weights) == manifest.weights_sha256 else None
