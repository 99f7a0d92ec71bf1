"""The training log of a run: a line per step, whole through kills and resumes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from disentangle.storage import replacing
from disentangle.tables.files import write_table
from disentangle.tables.training import TRAINING
from disentangle.training.run_folder import RunFolder


@dataclass(frozen=True)
class StepRecord:
    """A line of the training log."""

    step: int
    tokens: int
    """Tokens seen, this step's included."""
    loss: float
    """Mean over the step's batch, nats per token."""
    learning_rate: float
    gradient_norm: float
    """Before clipping."""
    seconds: float
    """Wall time of the step."""


class TrainingLog:
    """Appends steps to a JSON-lines file and turns it into parquet at the end."""

    def __init__(self, path: Path, resume_step: int) -> None:
        """Open the log, dropping what was written after the step training resumes from.

        Args:
            path: the JSON-lines file.
            resume_step: the last step that will not be trained again.
        """
        kept = [line for line in _lines(path) if json.loads(line)["step"] <= resume_step]
        with replacing(path) as temporary:
            temporary.write_text("".join(kept))
        self._file = path.open("a", buffering=1)
        self.path = path

    def append(self, record: StepRecord) -> None:
        """Write one step."""
        self._file.write(json.dumps(asdict(record)) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    # a killed writer leaves at most one line without its end
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def read_log(path: Path, run: str) -> pd.DataFrame:
    """Read a log: run, and the fields of `StepRecord`, ascending by step, each step once."""
    records = [json.loads(line) for line in _lines(path)]
    columns = list(StepRecord.__dataclass_fields__)
    frame = pd.DataFrame(records, columns=columns).drop_duplicates("step", keep="last")
    frame.insert(0, "run", run)
    return frame.sort_values("step", ignore_index=True)


def write_training_table(folder: Path, run: str, path: Path) -> None:
    """Write the log of a run's folder as the training table."""
    write_table(read_log(RunFolder(folder).log, run), TRAINING, path)
