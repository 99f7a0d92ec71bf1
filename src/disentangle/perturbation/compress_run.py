"""Truncate and prune a run's last checkpoint in every way of the study, each once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from disentangle.checkpoint.changed import FOUND, made_before
from disentangle.checkpoint.guard import measuring_device
from disentangle.checkpoint.manifest import read_checkpoint, read_run, step_folder
from disentangle.checkpoint.references import Perturbed, perturbed_folder
from disentangle.errors import QuarantineError
from disentangle.job import Say
from disentangle.perturbation.compressed_checkpoint import settings_of, write_compressed
from disentangle.provenance import PACKAGE, code_hash
from disentangle.study.run import Run
from disentangle.study.sections.compression import Truncation


def compressing_code() -> str:
    """Hash of the code that compressed weights depend on."""
    return code_hash(PACKAGE / "perturbation" / "compressed_checkpoint.py")


def compress_run(
    run: Run,
    compressions: Mapping[str, Truncation | float],
    *,
    manifest: Path,
    perturbed: Path,
    code_version: str,
    say: Say,
) -> tuple[list[Perturbed], list[dict[str, Any]]]:
    """Truncate and prune the last planned checkpoint of a run.

    Args:
        run: the run as it was trained.
        compressions: variant to a truncation, or to the sparsity of pruning.
        manifest: the run's manifest, beside its checkpoints.
        perturbed: the folder of all perturbed checkpoints.
        code_version: from `compressing_code`; checkpoints of another version are made again.
        say: tells the screen.

    Returns:
        One outcome per variant, and for each that was made a row of `tables.compression.LEFT`. A
        run that diverged has nothing to compress.
    """
    last = run.checkpoints[-1]
    if last not in read_run(manifest).checkpoints:
        diverged = "the run diverged"
        return [Perturbed(run.name, each, last, None, None, diverged) for each in compressions], []
    base = step_folder(manifest.parent, last)
    outcomes, rows = [], []
    for variant, how in compressions.items():
        folder = step_folder(perturbed_folder(perturbed, run.name, variant), last)
        made = made_before(folder, settings_of(read_checkpoint(base), how), code_version)
        if made is None:
            try:
                made = write_compressed(
                    base, folder, how, code_version=code_version, device=measuring_device()
                )
            except QuarantineError as fault:
                say(str(fault))
                reason = f"the checkpoint it is made of is quarantined: {fault.reason}"
                outcomes.append(Perturbed(run.name, variant, last, None, None, reason))
                continue
            say(f"{variant} made")
        outcomes.append(Perturbed(run.name, variant, last, last, made.weights_sha256, ""))
        place = {"run": run.name, "step": last, "variant": variant}
        rows.append(place | described(how) | made.settings[FOUND])
    return outcomes, rows


def described(how: Truncation | float) -> dict[str, str]:
    """Method, strength, matrices and layers of a compression, in words."""
    if not isinstance(how, Truncation):
        return {
            "method": "magnitude",
            "strength": f"sparsity {how:g}",
            "matrices": "all of the layers",
            "layers": "all",
        }
    stacked = "" if how.method == "svd" or how.stack == "layer" else ", one stack"
    layers = "all" if how.layers == "all" else " ".join(map(str, how.layers))
    return {
        "method": how.method,
        "strength": f"energy {how.energy:g}" if how.rank is None else f"rank {how.rank:g}",
        "matrices": " ".join(how.matrices) + stacked,
        "layers": "" if how.matrices == ["W"] else layers,
    }
