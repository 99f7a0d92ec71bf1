"""A metric of the user's own: read without being run, measured like ours."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from disentangle.errors import StudyError
from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, Record
from disentangle.geometry.of_matrix import measure_matrix, measure_user_metric
from disentangle.geometry.user_metric import TAKEN, load, read_user_metric
from disentangle.provenance import _logic
from disentangle.tables.geometry import GEOMETRY
from disentangle.vocabulary.user_metric import UserMetric

SPECTRAL = '''
def nuclear(singular_values):
    """Sum of the singular values.

    More of it.
    """
    return singular_values.sum()
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.py"


def read(here: Path, text: str, name: str) -> UserMetric:
    here.write_text(text)
    _logic.cache_clear()  # which a process reads once
    return read_user_metric(f"mine.py:{name}")


def measured(matrix: Matrix, metric: UserMetric) -> Record:
    return measure_user_metric(matrix, metric, load(metric.spelled))


def test_it_is_measured_of_the_matrix_and_of_it_centred(here: Path) -> None:
    M = torch.randn(30, 5, generator=torch.Generator().manual_seed(0)) + 1
    ours = measure_matrix(M, "M")
    metric = read(here, SPECTRAL, "nuclear")
    assert (metric.name, metric.takes) == ("nuclear", "singular_values")
    assert metric.meaning == "Sum of the singular values."
    found = measured(Matrix(M, "M"), metric)
    for suffix in ("", "_centered"):
        assert found[f"nuclear{suffix}"] == pytest.approx(sum(ours[f"singular_values{suffix}"]))
    text = "def norm(matrix: list[float]) -> float:\n    return (matrix**2).sum() ** 0.5\n"
    found = measured(Matrix(M, "M"), read(here, text, "norm"))
    for suffix in ("", "_centered"):
        assert found[f"norm{suffix}"] == pytest.approx(ours[f"frobenius_norm{suffix}"])


def test_its_file_is_not_run_to_know_what_it_is(here: Path) -> None:
    read(here, f"raise SystemExit\n{SPECTRAL}", "nuclear")


def test_its_hash_goes_by_its_logic(here: Path) -> None:
    before = read(here, SPECTRAL, "nuclear").code
    assert read(here, f"# why\n{SPECTRAL}", "nuclear").code == before
    assert read(here, SPECTRAL.replace(".sum()", ".max()"), "nuclear").code != before
    assert read(here, f"K = 1\n{SPECTRAL}", "nuclear").code != before


@pytest.mark.parametrize(
    ("text", "name", "fault"),
    [
        ("def f(:", "f", "mine.py is no Python"),
        ("x = 1", "f", "has no function f; it has none"),
        (SPECTRAL, "f", "has no function f; it has nuclear"),
        ("def f(weights): ...", "f", "it takes one argument, called matrix or singular_values"),
        ("def f(matrix, k): ...", "f", "it takes one argument"),
        ("def f(): ...", "f", "it takes one argument"),
        ("def f(matrix, *, k): ...", "f", "it takes one argument"),
        ("def f(matrix, *more): ...", "f", "it takes one argument"),
        ("def f(matrix=3): ...", "f", "it takes one argument"),
        ("def isoscore(matrix): ...", "isoscore", "is the name of a column of ours"),
        ("def a_centered(matrix): ...", "a_centered", "is the name of a column of ours"),
    ],
)
def test_what_is_wrong_with_it_is_said(here: Path, text: str, name: str, fault: str) -> None:
    with pytest.raises(StudyError, match=fault):
        read(here, text, name)


def test_a_file_that_is_not_there_is_said(here: Path) -> None:
    with pytest.raises(StudyError, match=r"there is no file mine\.py"):
        read_user_metric("mine.py:f")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("matrix / 0", "gives array"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("'much'", "gives 'much', which is no number"),
        ("None", "gives None, which is no number"),
        ("1j", "gives 1j, which is no number"),
        ("matrix.sort()", "ValueError: sort array is read-only|ValueError: .*read-only"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_it_does_wrong_is_said(here: Path, body: str, fault: str) -> None:
    metric = read(here, f"def f(matrix):\n    return {body}\n", "f")
    with pytest.raises(StudyError, match=fault):
        measured(Matrix(torch.ones(3, 2), "M"), metric)


def test_no_value_is_nan_and_a_numpy_number_is_a_number(here: Path) -> None:
    nothing = read(here, "def f(matrix):\n    return float('nan')\n", "f")
    assert math.isnan(float(measured(Matrix(torch.ones(3, 2), "M"), nothing)["f"]))
    number = read(here, "def f(matrix):\n    return matrix.max()\n", "f")
    assert measured(Matrix(torch.ones(3, 2), "M"), number)["f"] == np.float64(1.0)


def test_no_column_of_ours_can_be_taken() -> None:
    ours = {name.removesuffix(CENTERED) for name in GEOMETRY.schema.names}
    assert ours <= TAKEN


def test_a_file_that_fails_is_said(here: Path) -> None:
    metric = read(here, "import absent_package\ndef f(matrix): ...", "f")
    with pytest.raises(StudyError, match=r"mine.py cannot be run: ModuleNotFoundError"):
        load(metric.spelled)
