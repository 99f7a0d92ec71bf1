"""The training log: its table has what it has, for runs with an intervention and without."""

from pathlib import Path

import pytest

from disentangle.parquet import read_parquet
from disentangle.training.log import StepRecord, TrainingLog, read_log, write_training_table
from disentangle.training.run_folder import RunFolder


def steps(pushed: bool) -> list[StepRecord]:
    push = {"head_rank": 12.5, "head_norm": 3.0, "push": 0.01} if pushed else {}
    return [StepRecord(n, 256 * n, 6.0 / n, 0.01, 0.5, 0.1, **push) for n in range(1, 6)]


def written(folder: Path, pushed: bool) -> Path:
    log = TrainingLog(RunFolder(folder).log, 0)
    for step in steps(pushed):
        log.append(step)
    log.close()
    return log.path


@pytest.mark.parametrize("pushed", [False, True])
def test_the_table_of_a_log_equals_the_log(tmp_path: Path, pushed: bool) -> None:
    path = written(tmp_path, pushed)
    write_training_table(tmp_path, "run", tmp_path / "training.parquet")
    tabled = read_parquet(tmp_path / "training.parquet").to_pandas()
    assert tabled.equals(read_log(path, "run"))


@pytest.mark.parametrize("pushed", [False, True])
def test_a_log_that_is_opened_again_has_the_same_lines(tmp_path: Path, pushed: bool) -> None:
    path = written(tmp_path, pushed)
    before = path.read_text().splitlines()
    TrainingLog(path, 3).close()
    assert path.read_text().splitlines() == before[:3]
