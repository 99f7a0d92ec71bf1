"""The folder of a run: what it was begun as, and what it holds."""

import json
import os
import shutil
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from disentangle.checkpoint.manifest import WEIGHTS, read_checkpoint
from disentangle.errors import StudyError
from disentangle.storage import DamagedError, read_sealed, sha256_of, write_sealed


@dataclass(frozen=True)
class RunFolder:
    """The files of a run."""

    path: Path

    @property
    def trainer(self) -> Path:
        """OLMo's own folder: its state by step."""
        return self.path / "trainer"

    @property
    def log(self) -> Path:
        """Steps as they happen."""
        return self.path / "steps.jsonl"

    @property
    def divergence(self) -> Path:
        """Says where the loss stopped being finite, if it did."""
        return self.path / "diverged.json"

    @property
    def starts(self) -> Path:
        """A line for each start of training: when, where, and from which step it went on."""
        return self.path / "starts.jsonl"

    def note_start(self, from_step: int, **further: Any) -> None:
        """Append to `starts`; a log is gone when its job is tried again."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        job = os.environ.get("SLURM_JOB_ID")
        where = {"time": now, "host": socket.gethostname(), "job": job}
        with self.starts.open("a") as file:
            file.write(json.dumps({**where, "from_step": from_step, **further}) + "\n")

    def starts_from_here(self) -> int:
        """How many of the last starts were this job's, and from the same step."""
        starts = [json.loads(line) for line in self.starts.read_text().splitlines()]
        last = (starts[-1]["job"], starts[-1]["from_step"])
        same = takewhile(lambda start: (start["job"], start["from_step"]) == last, reversed(starts))
        return len(list(same))

    def claim(self, identity: dict[str, Any]) -> None:
        """Begin the folder as this run, or find that it was.

        Raises:
            StudyError: if it was begun as another, naming what differs, or if what it was begun as
                is damaged. Nothing is touched.
        """
        begun_as = self.path / "identity.json"
        if not begun_as.exists():
            write_sealed(begun_as, identity)
            return
        try:
            before = read_sealed(begun_as)
        except DamagedError as error:
            raise DamagedError(
                begun_as,
                error.fault,
                "It says what run the folder is of. If the study is as it was, delete this file: "
                "it is written again.\nIf you do not know, delete the folder: the run is trained "
                "anew.",
            ) from error
        if differing := _differing(before, identity):
            raise StudyError(
                f"{self.path} was begun as another run; {', '.join(differing)} differ.\n"
                "Nothing in it was touched. Give the changed study or size another name, or "
                "delete the folder to train the run anew."
            )

    def states(self) -> dict[int, Path]:
        """Saved trainer states by step; OLMo writes each whole or not at all."""
        found = self.trainer.glob("step*-unsharded")
        return {int(p.name.removeprefix("step").split("-")[0]): p for p in found}

    def latest_state(self, before: int) -> int | None:
        """The step of the latest saved state at or before a step.

        At it counts too: the state of a step may be there and only its export be missing.
        """
        return max((step for step in self.states() if step <= before), default=None)

    def drop_states(self, keep: set[int]) -> None:
        """Delete the states of all other steps."""
        for step, path in self.states().items():
            if step not in keep:
                shutil.rmtree(path)
        latest = self.trainer / "latest-unsharded"
        if latest.is_symlink() and not latest.exists():
            latest.unlink()  # OLMo's link; a dangling one breaks copies of the folder

    def drop_trainer(self) -> None:
        """Delete all that only goes on training needs."""
        shutil.rmtree(self.trainer, ignore_errors=True)

    def checkpoints(self) -> dict[int, str]:
        """Exported checkpoints: step to SHA-256, each compared with its manifest.

        Weights that are not there were let go, as in an archive that holds them by hash: the
        manifest stands for them, and nothing is trained again until its folder is deleted.

        Raises:
            StudyError: if weights are not what their manifest says.
        """
        found = {}
        for folder in sorted(self.path.glob("step[0-9]*")):
            manifest = read_checkpoint(folder)
            weights = folder / WEIGHTS
            if weights.exists() and sha256_of(weights) != manifest.weights_sha256:
                raise StudyError(
                    f"{weights} is not what its manifest says: the SHA-256 differs.\n"
                    f"Delete {folder} to have that checkpoint made again."
                )
            found[manifest.step] = manifest.weights_sha256
        return found

    def diverged_after(self) -> int | None:
        """The last step with a finite loss, if the run diverged."""
        return read_sealed(self.divergence)["step"] if self.divergence.exists() else None


def _differing(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    """Paths of the values that differ."""
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differing(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} ({old} is now {new})")
    return found
