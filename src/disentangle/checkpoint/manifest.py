"""What a checkpoint and a run say of themselves, as JSON beside the weights."""

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
"""What a tokenizer of Hugging Face's is read from, beside the weights."""


@dataclass(frozen=True)
class CheckpointManifest:
    """One checkpoint of one run."""

    run: str
    step: int
    tokens: int | None
    """Training tokens seen; None where that is not known."""
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
    """Where the checkpoint is from: the trainer, a folder, a hub."""
    code_version: str
    """Hash of the code that made it."""
    probe_tokens: list[int]
    """A few training tokens; what the model says to them is a check of the loaded weights."""
    probe_loss: float
    """Mean loss on the probe tokens, by the model that was exported, nats per token."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How the checkpoint was made from another one; empty for one that was trained."""
    tokenizer: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files of its tokenizer, by name; empty in manifests of earlier versions."""
    config_sha256: str = ""
    """Of the model's configuration; empty in manifests of earlier versions."""

    @property
    def content_sha256(self) -> str:
        """Digest of all of the checkpoint that a measurement of it depends on."""
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
    """Numerics that do not make the run another run: device, threads, library versions."""
    quarantined: dict[int, str] = field(default_factory=dict)
    """Of a model from elsewhere: step to why what was found there is no checkpoint."""

    def write(self, path: Path) -> None:
        """Write it as the file that stands for the run."""
        write_sealed(path, asdict(self))


def tokenizer_files(folder: Path) -> list[Path]:
    """The files of a tokenizer in a folder, by name."""
    return sorted({path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)})


def tokenizer_hashes(folder: Path) -> dict[str, str]:
    """What a manifest says of them."""
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
        StudyError: if it is missing, damaged, or of other weights than the run's manifest names.
    """
    folder = step_folder(run_folder, step)
    manifest = read_checkpoint(folder)
    if manifest.weights_sha256 != run.checkpoints[step]:
        fault = f"is of other weights than {run_folder / MANIFEST} names for this step"
        raise DamagedError(folder / MANIFEST, fault, make_again(run_folder, folder))
    return manifest


def weights_are_not_here(folder: Path) -> str:
    """What to tell who needs the weights of a checkpoint that has only its manifest.

    An archive may hold checkpoints by their hashes alone; whoever has a checkpoint's measurements
    needs its weights for new ones only.
    """
    return (
        f"{folder / WEIGHTS} is not here: it was deleted, or left out of an archive.\n"
        f"To have it again: {make_again(folder.parent, folder.parent)}"
    )


def make_again(run_folder: Path, doomed: Path) -> str:
    """How to have a part of a run's folder made again.

    Args:
        run_folder: the run's, or that of what it was perturbed to.
        doomed: what in it is deleted first.
    """
    return (
        f"Delete {doomed}\nand the file in trained/ (or quantized/, finetuned/) that names "
        f"{run_folder.name}, and run the workflow again: it makes what is missing, and keeps the "
        "rest.\n`make check STUDY=...` finds all that is damaged in a study."
    )


def _read(path: Path, kind: type, remedy: str) -> Any:
    try:
        content = read_sealed(path)
        if "refused" in content:  # as it was called at first
            content["quarantined"] = content.pop("refused")
        return kind(**content)
    except FileNotFoundError:
        raise StudyError(f"{path} is missing.\n{remedy}") from None
    except DamagedError as error:
        raise DamagedError(path, error.fault, remedy) from error
    except TypeError as error:
        raise DamagedError(path, f"is no manifest of this project: {error}", remedy) from error
