import math

import numpy as np
import pytest
import torch

from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import MatrixError
from disentangle.geometry.of_matrix import measure_matrix
from disentangle.vocabulary.metrics import BY_NAME

MATRICES = {
    "tall": lambda g: torch.randn(300, 8, generator=g),
    "square": lambda g: torch.randn(16, 16, generator=g),
    "wide": lambda g: torch.randn(5, 20, generator=g),
    "off-center": lambda g: torch.randn(200, 6, generator=g) + 2,
    "decaying": lambda g: torch.randn(200, 6, generator=g) * 10.0 ** -torch.arange(6),
    "zero rows": lambda g: torch.randn(100, 6, generator=g) * (torch.arange(100) % 3 > 0)[:, None],
}


def naive(M: torch.Tensor) -> dict[str, float]:
    """The definitions, in numpy's float64 and n x n matrices."""
    rows = M.double().numpy()
    n, d = rows.shape
    sigma = np.linalg.svd(rows, compute_uv=False)
    positive = sigma[sigma > 0]
    p, q = positive / positive.sum(), positive**2 / (positive**2).sum()
    lengths = np.linalg.norm(rows, axis=1)
    unit = rows[lengths > 0] / lengths[lengths > 0, None]
    m = len(unit)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    Z = np.exp(np.hstack((rows @ vectors, -rows @ vectors))).sum(axis=0)
    R = math.exp(-(p * np.log(p)).sum())
    v = np.linalg.eigvalsh(np.cov(rows.T))
    return {
        "zero_rows": n - m,
        "effective_rank": R,
        "effective_rank_pct": 100 * R / d,
        "spectral_entropy_rank": math.exp(-(q * np.log(q)).sum()),
        "stable_rank": (rows**2).sum() / sigma[0] ** 2,
        "participation_ratio": np.trace(rows.T @ rows) ** 2 / ((rows.T @ rows) ** 2).sum(),
        "mean_cosine_similarity": ((unit @ unit.T).sum() - m) / (m * (m - 1)),
        "partition_isotropy": Z.min() / Z.max(),
        "isoscore": (v.sum() ** 2 / (v**2).sum() - 1) / (d - 1),
        "spectral_norm": sigma[0],
        "frobenius_norm": np.linalg.norm(rows),
        "nuclear_norm": np.linalg.norm(rows, "nuc"),
        "spectral_gap": sigma[0] / sigma[1],
    }


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", MATRICES)
def test_every_metric_is_its_definition(kind, dtype, generator):
    M = MATRICES[kind](generator).to(dtype)
    record = measure_matrix(M, "W")
    assert (record["rows"], record["dim"]) == tuple(M.shape)
    M = M.double()
    for suffix, matrix in (("", M), (CENTERED, M - M.mean(dim=0))):
        for metric, value in naive(matrix).items():
            assert record[metric + suffix] == pytest.approx(value, rel=1e-6, abs=1e-12), metric
        sigma = np.linalg.svd(matrix.numpy(), compute_uv=False)
        measured = record["singular_values" + suffix]
        assert measured == pytest.approx(sigma, rel=1e-9, abs=1e-14 * sigma[0])
        rank = np.linalg.matrix_rank(matrix.to(dtype if dtype.itemsize > 2 else torch.float32))
        assert record["numerical_rank" + suffix] == rank
        assert record["condition_number" + suffix] == pytest.approx(sigma[0] / sigma[rank - 1])


def test_record_has_every_column_in_plain_types(generator):
    record = measure_matrix(torch.randn(30, 4, generator=generator), "W")
    varied = ("zero_rows", *BY_NAME, "singular_values")
    expected = ["rows", "dim", *varied, *(metric + CENTERED for metric in varied)]
    assert list(record) == expected
    integers = {"rows", "dim", "zero_rows", "numerical_rank"}
    for column, value in record.items():
        metric = column.removesuffix(CENTERED)
        if metric == "singular_values":
            assert [type(s) for s in value] == [float] * 4
        else:
            assert type(value) is (int if metric in integers else float), column


def test_isoscore_is_the_same_centered_or_not(generator):
    record = measure_matrix(torch.randn(30, 4, generator=generator) + 3, "W")
    assert record["isoscore"] == record["isoscore_centered"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [1, 3, 1000])
def test_equal_rows_have_rank_one_and_nothing_once_centered(n, dtype, generator):
    M = torch.randn(1, 7, generator=generator).to(dtype).expand(n, 7)
    record = measure_matrix(M, "W")
    assert record["effective_rank"] == pytest.approx(1, rel=1e-6)
    assert record["numerical_rank"] == 1
    centered = {k.removesuffix(CENTERED): v for k, v in record.items() if k.endswith(CENTERED)}
    assert centered.pop("singular_values") == [0.0] * min(n, 7)
    assert centered.pop("zero_rows") == n
    for metric in ("numerical_rank", "spectral_norm", "frobenius_norm", "nuclear_norm"):
        assert centered.pop(metric) == 0
    assert all(math.isnan(value) for value in centered.values()), centered


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1e-30, torch.float32), (1e-300, torch.float64), (1e30, torch.float32)]
)
def test_scale_moves_norms_and_partition_isotropy_only(scale, dtype, generator):
    M = torch.randn(100, 5, generator=generator, dtype=torch.float64) + 0.5
    record, scaled = measure_matrix(M, "W"), measure_matrix((M * scale).to(dtype), "W")
    for metric in (*BY_NAME, *(metric + CENTERED for metric in BY_NAME)):
        if metric.startswith("partition_isotropy"):
            assert scaled[metric] == (1 if scale < 1 else 0)
        else:
            factor = scale if "norm" in metric else 1
            assert scaled[metric] == pytest.approx(factor * record[metric], rel=1e-6, nan_ok=True)


def test_one_column(generator):
    record = measure_matrix(torch.randn(50, 1, generator=generator), "H")
    assert record["effective_rank"] == 1
    assert math.isnan(record["isoscore"])
    assert 0 < record["partition_isotropy"] < 1


def test_a_parameter_that_wants_a_gradient_is_measured_and_left_alone(generator):
    weight = torch.nn.Parameter(torch.randn(20, 3, generator=generator))
    before = weight.detach().clone()
    assert measure_matrix(weight, "W")["numerical_rank"] == 3
    assert torch.equal(weight, before)


def with_entries(entries: dict[tuple[int, int], float]) -> torch.Tensor:
    M = torch.ones(6, 4)
    for index, value in entries.items():
        M[index] = value
    return M


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (
            with_entries({(2, 3): math.nan, (5, 0): math.nan}),
            "2 NaN and 0 infinite among 6 x 4 entries, the first at row 2, column 3",
        ),
        (
            with_entries({(4, 1): -math.inf, (5, 0): math.nan}),
            "1 NaN and 1 infinite among 6 x 4 entries, the first at row 4, column 1",
        ),
        (torch.ones(2, 3, 4), "2 dimensions, this has 3 (2 x 3 x 4)"),
        (torch.ones(5), "2 dimensions, this has 1 (5)"),
        (torch.ones(0, 4), "empty (0 x 4)"),
        (torch.ones(4, 0), "empty (4 x 0)"),
        (torch.zeros(3, 2), "all 3 x 2 entries are zero"),
        (torch.ones(3, 2, dtype=torch.int64), "torch.int64"),
        (torch.ones(3, 2, dtype=torch.complex64), "torch.complex64"),
        (torch.ones(3, 2, dtype=torch.bool), "torch.bool"),
    ],
)
def test_refuses_by_name_what_cannot_be_measured(matrix, message):
    with pytest.raises(MatrixError) as error:
        measure_matrix(matrix, "W of run-7 step 100")
    assert str(error.value).startswith("W of run-7 step 100: ")
    assert message in str(error.value)
    assert isinstance(error.value, ValueError)
