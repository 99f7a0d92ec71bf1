"""The training log of a run: one line per step, consistent after kills and resumes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from disentangle.storage import DamagedError, replacing
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.training import TRAINING
from disentangle.training.run_folder import RunFolder


@dataclass(frozen=True)
class StepRecord:
    """A line of the training log."""

    step: int
    tokens: int
    """Tokens seen, including this step."""
    loss: float
    """Mean over the step's batch, nats per token."""
    learning_rate: float
    gradient_norm: float
    """Before clipping."""
    seconds: float
    """Wall time of the step."""
    head_rank: float | None = None
    """Effective rank of the projected W after the step's push, of a run with an intervention."""
    head_norm: float | None = None
    """Its Frobenius norm."""
    push: float | None = None
    """Norm of what the push changed over the norm of W."""


NOT_ALWAYS = ("head_rank", "head_norm", "push")
"""What a step has only in a run with an intervention."""


class TrainingLog:
    """Appends steps to a JSON-lines file."""

    def __init__(self, path: Path, resume_step: int) -> None:
        """Open the log, dropping all lines after the step that training resumes from.

        Args:
            path: the JSON-lines file.
            resume_step: the last step that will not be trained again.
        """
        kept = [record for record in _records(path) if record["step"] <= resume_step]
        with replacing(path) as temporary:
            temporary.write_text("".join(map(_line, kept)))
        self._file = path.open("a", buffering=1)
        self.path = path

    def append(self, record: StepRecord) -> None:
        """Write one step."""
        self._file.write(_line(asdict(record)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(record: dict[str, Any]) -> str:
    """A step as a line, without what was not measured."""
    return json.dumps({key: value for key, value in record.items() if value is not None}) + "\n"


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    # a killed writer leaves at most one incomplete line
    lines = path.read_text(errors="replace").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]


def _record(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        record = asdict(StepRecord(**json.loads(line)))
    except (ValueError, TypeError) as error:
        fault = f"is damaged: line {number} is not a training step ({error})"
        raise DamagedError(
            path, fault, f"Delete line {number}; the log then lacks this step."
        ) from error
    return record


def _records(path: Path) -> list[dict[str, Any]]:
    """The steps of a log.

    Raises:
        DamagedError: with the first line that is not a step.
    """
    return [_record(line, number, path) for number, line in enumerate(_lines(path), start=1)]


def read_log(path: Path, run: str) -> pd.DataFrame:
    """Read a log: run, and the fields of `StepRecord`, ascending by step, each step once.

    Raises:
        DamagedError: with the first line that is not a step.
    """
    columns = list(StepRecord.__dataclass_fields__)
    frame = pd.DataFrame(_records(path), columns=columns).drop_duplicates("step", keep="last")
    # numbers also where no step has one, as in the table
    frame = frame.astype(dict.fromkeys(NOT_ALWAYS, float))
    frame.insert(0, "run", run)
    return frame.sort_values("step", ignore_index=True)


def write_training_table(folder: Path, run: str, path: Path) -> None:
    """Write the log of a run's folder as the training table.

    Steps of an earlier table that the log has lost are kept.
    """
    logged = read_log(RunFolder(folder).log, run)
    try:
        before = read_tables([path]) if path.exists() else logged
    except DamagedError:
        before = logged
    further = before[~before["step"].isin(logged["step"])]
    steps = pd.concat([part for part in (logged, further) if len(part)] or [logged])
    write_table(steps.sort_values("step", ignore_index=True), TRAINING, path)
