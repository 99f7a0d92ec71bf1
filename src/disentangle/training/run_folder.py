"""The folder of a run: its identity and its files."""

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
from disentangle.storage import DamagedError, read_sealed, replacing, sha256_of, write_sealed


@dataclass(frozen=True)
class RunFolder:
    """The files of a run."""

    path: Path

    @property
    def trainer(self) -> Path:
        """OLMo's own folder, with its state by step."""
        return self.path / "trainer"

    @property
    def log(self) -> Path:
        """The training log, written during training."""
        return self.path / "steps.jsonl"

    @property
    def divergence(self) -> Path:
        """Exists if the run diverged; has the last step with a finite loss."""
        return self.path / "diverged.json"

    @property
    def starts(self) -> Path:
        """A line for each start of training: when, where, and from which step."""
        return self.path / "starts.jsonl"

    def note_start(self, from_step: int, **further: Any) -> None:
        """Append to `starts`; unlike a job's log, this survives a retry."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        job = os.environ.get("SLURM_JOB_ID")
        where = {"time": now, "host": socket.gethostname(), "job": job}
        with self.starts.open("a") as file:
            file.write(json.dumps({**where, "from_step": from_step, **further}) + "\n")

    def starts_from_here(self) -> int:
        """Number of consecutive last starts of this job from the same step."""
        starts = [json.loads(line) for line in self.starts.read_text().splitlines()]
        last = (starts[-1]["job"], starts[-1]["from_step"])
        same = takewhile(lambda start: (start["job"], start["from_step"]) == last, reversed(starts))
        return len(list(same))

    def claim(self, identity: dict[str, Any]) -> None:
        """Record that the folder is of this run, or check that it is.

        Raises:
            StudyError: if the folder is of another run, with the differences, or if its identity
                file is damaged. Nothing is changed.
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
                "It says which run the folder belongs to. If the study is unchanged, delete this "
                "file: it is written again.\nOtherwise delete the folder: the run is then trained "
                "again.",
            ) from error
        if differing := _differing(before, identity):
            raise StudyError(
                f"{self.path} belongs to another run; these differ: {', '.join(differing)}.\n"
                "Nothing in it was changed. Rename the changed study or size, or delete the folder "
                "to train the run again."
            )

    def states(self) -> dict[int, Path]:
        """Saved trainer states by step; OLMo writes each atomically."""
        found = self.trainer.glob("step*-unsharded")
        return {int(p.name.removeprefix("step").split("-")[0]): p for p in found}

    def hand_over(self, step: int, branch: "RunFolder") -> None:
        """Copy the state and the log to a run that begins as this one does, unless it has begun."""
        if branch.log.exists():
            return
        state = self.states()[step]
        temporary = branch.trainer / f".{state.name}"  # not found as a state until it is whole
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(state, temporary)
        shutil.rmtree(branch.trainer / state.name, ignore_errors=True)
        temporary.rename(branch.trainer / state.name)
        with replacing(branch.log) as log:  # last: it says that all is there
            shutil.copyfile(self.log, log)

    def latest_state(self, before: int) -> int | None:
        """The step of the latest saved state at or before a step.

        A state at the step itself counts, since only the export of that step may be missing.
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
        """Delete the trainer's state, which is only needed to continue training."""
        shutil.rmtree(self.trainer, ignore_errors=True)

    def checkpoints(self) -> dict[int, str]:
        """Exported checkpoints: step to SHA-256, each compared with its manifest.

        Weights may be deleted, or left out of an archive: the checkpoint still counts as made, and
        is not trained again until its folder is deleted.

        Raises:
            StudyError: if weights do not match their manifest.
        """
        found = {}
        for folder in sorted(self.path.glob("step[0-9]*")):
            manifest = read_checkpoint(folder)
            weights = folder / WEIGHTS
            if weights.exists() and sha256_of(weights) != manifest.weights_sha256:
                raise StudyError(
                    f"{weights} does not match its manifest: the SHA-256 differs.\n"
                    f"Delete {folder} to make that checkpoint again."
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
