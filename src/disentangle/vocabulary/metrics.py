"""Metrics of a matrix, and the names of their columns.

`geometry.metrics` computes them; `geometry.user_metric` handles a user's own metrics.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from disentangle.geometry import CENTERED
from disentangle.vocabulary.bounds import (
    ANY,
    COSINE,
    DIRECTIONS,
    EXPONENT,
    NORM,
    PERCENT,
    RATIO,
    SHARE,
    Bounds,
)
from disentangle.vocabulary.matrices import BY_NAME as BY_MATRIX
from disentangle.vocabulary.matrices import PREFIXES


@dataclass(frozen=True)
class Metric:
    """A metric of a matrix M (n x d) with singular values sigma."""

    name: str
    label: str
    """For readers."""
    bounds: Bounds
    """Valid range and unit."""
    meaning: str
    """Formula and source."""


METRICS = (
    Metric(
        "effective_rank",
        "effective rank",
        DIRECTIONS,
        "exp of the entropy of p = sigma / sum(sigma) (Roy & Vetterli 2007)",
    ),
    Metric(
        "effective_rank_pct",
        "effective rank, % of d",
        PERCENT,
        "Effective rank, % of dim; of a matrix that the function fixes, % of the directions that "
        "the last norm leaves",
    ),
    Metric(
        "spectral_entropy_rank",
        "spectral-entropy rank",
        DIRECTIONS,
        "exp of the entropy of p = sigma^2 / sum(sigma^2); other tools' effective rank",
    ),
    Metric(
        "stable_rank",
        "stable rank",
        DIRECTIONS,
        "Squared Frobenius norm over squared spectral norm",
    ),
    Metric(
        "participation_ratio",
        "participation ratio",
        DIRECTIONS,
        "(sum sigma^2)^2 / sum sigma^4",
    ),
    Metric(
        "numerical_rank",
        "numerical rank",
        DIRECTIONS,
        "Singular values above sigma_1 max(n, d) eps of the stored type",
    ),
    Metric(
        "mean_cosine_similarity",
        "mean cosine",
        COSINE,
        "Mean cosine over pairs of different rows",
    ),
    Metric(
        "partition_isotropy",
        "partition isotropy",
        SHARE,
        "min over max of Z(c), c = +- eigenvectors (Arora et al. 2016); depends on scale",
    ),
    Metric(
        "isoscore",
        "IsoScore",
        SHARE,
        "IsoScore (Rudman et al. 2022), centred by definition; equals "
        "(participation_ratio_centered - 1) / (dim - 1)",
    ),
    Metric("spectral_norm", "spectral norm", NORM, "Largest singular value"),
    Metric("frobenius_norm", "Frobenius norm", NORM, "Root of the sum of squares"),
    Metric("nuclear_norm", "nuclear norm", NORM, "Sum of the singular values"),
    Metric(
        "condition_number",
        "condition number",
        RATIO,
        "sigma_1 over the smallest singular value that the numerical rank counts",
    ),
    Metric("spectral_gap", "spectral gap", RATIO, "sigma_1 / sigma_2"),
    Metric(
        "alpha",
        "alpha",
        EXPONENT,
        "Exponent of the power law in the tail of sigma^2 (Clauset et al. 2009; Martin & Mahoney "
        "2021); null under 50 eigenvalues",
    ),
    Metric(
        "alpha_hat",
        "alpha-hat",
        ANY,
        "alpha log10(sigma_1^2) (Martin, Peng & Mahoney 2021); depends on scale",
    ),
    Metric(
        "alpha_req",
        "alpha-ReQ",
        ANY,
        "Exponent of the decay of sigma^2 in its order (Stringer et al. 2019; Agrawal et al. "
        "2022); null under 50 eigenvalues",
    ),
    Metric(
        "column_kurtosis",
        "largest kurtosis of a column",
        RATIO,
        "Largest over columns of the fourth central moment over the squared second; normal: 3",
    ),
    Metric(
        "outlier_ratio",
        "outlier ratio",
        RATIO,
        "Largest absolute column mean over their median (Kovaleva et al. 2021)",
    ),
    Metric(
        "two_nn",
        "TwoNN dimension",
        NORM,
        "n / sum ln(r2 / r1) over rows (Facco et al. 2017); null for more than 5000 rows",
    ),
    Metric(
        "subspace_overlap",
        "overlap with W",
        COSINE,
        "Of H: (||V'P||^2 / k - k / d) / (1 - k / d), the first k = d / 4 directions of W and of H",
    ),
    Metric("embedding_cosine", "cosine with E", COSINE, "Of W: mean cosine with the row of E"),
    Metric(
        "embedding_cka",
        "CKA with E",
        ANY,
        "Of W: debiased linear CKA with the embedding E over the vocabulary",
    ),
    Metric(
        "lidar",
        "LiDAR",
        DIRECTIONS,
        "Of H: exp of the entropy of the eigenvalues of S_w^-1/2 S_b S_w^-1/2, between and within "
        "passages (Thilak et al. 2024)",
    ),
)
"""The standard metrics; each is also measured on M minus its column means."""

BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True)
class MetricColumn:
    """A column of the observations that holds a metric: `H_code_stable_rank_centered`."""

    matrix: str
    """Name of a `matrices.Kind`."""
    domain: str
    """Held-out domain that it is of; empty for a matrix of none, and for the domain id."""
    metric: str
    """Its name; if unknown, everything after the matrix."""
    centered: bool


def is_metric(column: str) -> bool:
    """Whether a column of the observations holds a metric."""
    return column.startswith(PREFIXES)


def read_column(column: str, own: Iterable[str] = ()) -> MetricColumn:
    """Parse the name of a metric's column.

    Args:
        column: the name; see `is_metric`.
        own: names of the user's own metrics.
    """
    matrix, _, rest = column.partition("_")
    bare = rest.removesuffix(CENTERED)
    known = [name for name in (*BY_NAME, *own) if bare == name or bare.endswith(f"_{name}")]
    metric = max(known, key=len, default=bare)
    domain = bare.removesuffix(metric).removesuffix("_")
    return MetricColumn(matrix, domain, metric, centered=rest != bare)


def metric_label(column: str) -> str:
    """A metric's column as a label: 'W: effective rank', 'H (code): IsoScore'."""
    of = read_column(column)
    name = BY_NAME[of.metric].label if of.metric in BY_NAME else of.metric.replace("_", " ")
    matrix = BY_MATRIX[of.matrix].label
    place = f"{matrix} ({of.domain})" if of.domain else matrix
    return f"{place}: {name}{', centred' if of.centered else ''}"
