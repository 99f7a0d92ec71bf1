"""Manifests of checkpoints and runs, as JSON beside the weights."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from disentangle.errors import StudyError
from disentangle.storage import DamagedError, digest, read_sealed, sha256_of, write_sealed

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
MANIFEST = "manifest.json"

TOKENIZER_FILES = (
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json"),
    *("vocab*", "merges.txt", "*.model"),
)
"""Files of a Hugging Face tokenizer."""


@dataclass(frozen=True)
class CheckpointManifest:
    """One checkpoint of one run."""

    run: str
    step: int
    tokens: int | None
    """Training tokens seen; None if unknown."""
    weights_sha256: str
    rows: int
    """Vocabulary rows in use; the weights may have more, for padding."""
    dim: int
    """Width of the model, columns of W."""
    tied: bool
    """Whether W is the embedding matrix."""
    dtype: str
    train_loss: float | None
    """Mean loss of the batch of this step, nats per token; none at step 0."""
    source: str
    """Where the checkpoint comes from: the trainer, a folder, a hub."""
    code_version: str
    """Hash of the code that made it."""
    probe_tokens: list[int]
    """A few training tokens; the model's loss on them is a check of the loaded weights."""
    probe_loss: float
    """Mean loss of the exported model on the probe tokens, nats per token."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How the checkpoint was made from another one; empty for a trained checkpoint."""
    tokenizer: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the tokenizer's files, by name; empty in manifests of earlier versions."""
    config_sha256: str = ""
    """SHA-256 of the model's configuration; empty in manifests of earlier versions."""

    @property
    def content_sha256(self) -> str:
        """Digest of everything in the checkpoint that measurements depend on."""
        return digest([self.weights_sha256, self.config_sha256, self.tokenizer, self.rows])

    def write(self, folder: Path) -> None:
        """Write it into a checkpoint folder."""
        write_sealed(folder / MANIFEST, asdict(self))


@dataclass(frozen=True)
class RunManifest:
    """A run: its identity, its outcome, its checkpoints. The tracked output of training."""

    run: str
    status: Literal["complete", "diverged"]
    last_finite_step: int
    identity: dict[str, Any]
    checkpoints: dict[int, str]
    """Step to the SHA-256 of its weights."""
    environment: dict[str, Any]
    """Numerics that are not part of the run's identity: device, threads, library versions."""
    quarantined: dict[int, str] = field(default_factory=dict)
    """For an external model: step to the reason why it could not be imported."""

    def write(self, path: Path) -> None:
        """Write it as the file that stands for the run."""
        write_sealed(path, asdict(self))


def tokenizer_files(folder: Path) -> list[Path]:
    """The files of a tokenizer in a folder, by name."""
    return sorted({path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)})


def tokenizer_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the tokenizer's files in a folder, by name."""
    return {path.name: sha256_of(path) for path in tokenizer_files(folder)}


def step_folder(run_folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return run_folder / f"step{step}"


def run_manifest(checkpoints: Path, run: str) -> Path:
    """Where the manifest of a run is, in the folder of all runs."""
    return checkpoints / run / MANIFEST


def read_checkpoint(folder: Path) -> CheckpointManifest:
    """Read a checkpoint's manifest.

    Raises:
        StudyError: if it is missing, damaged, or not one.
    """
    return _read(folder / MANIFEST, CheckpointManifest, make_again(folder.parent, folder))


def read_run(path: Path) -> RunManifest:
    """Read a run's manifest.

    Raises:
        StudyError: if it is missing, damaged, or not one.
    """
    run: RunManifest = _read(path, RunManifest, make_again(path.parent, path))
    steps = {int(step): sha for step, sha in run.checkpoints.items()}
    quarantined = {int(step): reason for step, reason in run.quarantined.items()}
    return RunManifest(**asdict(run) | {"checkpoints": steps, "quarantined": quarantined})


def read_step(run: RunManifest, run_folder: Path, step: int) -> CheckpointManifest:
    """Read the manifest of one of a run's checkpoints.

    Raises:
        StudyError: if it is missing or damaged, or its weights differ from the run's manifest.
    """
    folder = step_folder(run_folder, step)
    manifest = read_checkpoint(folder)
    if manifest.weights_sha256 != run.checkpoints[step]:
        fault = f"has other weights than {run_folder / MANIFEST} names for this step"
        raise DamagedError(folder / MANIFEST, fault, make_again(run_folder, folder))
    return manifest


def weights_are_not_here(folder: Path) -> str:
    """The message for a checkpoint that has a manifest but no weights.

    An archive may list checkpoints by hash only. Their weights are needed for new measurements
    only.
    """
    return (
        f"{folder / WEIGHTS} is missing: it was deleted, or left out of an archive.\n"
        f"To make it again: {make_again(folder.parent, folder.parent)}"
    )


def make_again(run_folder: Path, doomed: Path) -> str:
    """Instructions for making a part of a run's folder again.

    Args:
        run_folder: the folder of the run or of a perturbed checkpoint.
        doomed: the part to delete first.
    """
    return (
        f"Delete {doomed}\nand the file in trained/ (or quantized/, finetuned/, operated/, "
        f"recovered/) that names {run_folder.name}, and run the workflow again: it makes what is "
        "missing, and keeps the rest.\n`make check STUDY=...` finds all damaged files of a study."
    )


def _read(path: Path, kind: type, remedy: str) -> Any:
    try:
        content = read_sealed(path)
        if "refused" in content:  # the key's name in earlier versions
            content["quarantined"] = content.pop("refused")
        return kind(**content)
    except FileNotFoundError:
        raise StudyError(f"{path} is missing.\n{remedy}") from None
    except DamagedError as error:
        raise DamagedError(path, error.fault, remedy) from error
    except TypeError as error:
        raise DamagedError(path, f"is not a manifest of this project: {error}", remedy) from error
