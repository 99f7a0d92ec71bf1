"""Tables of the geometry of checkpoints: of their matrices, and of their layers.

Measuring depends on these and on no other table, so that a column more elsewhere measures nothing
again.
"""

import pyarrow as pa

from disentangle.tables.table import COUNT, NUMBER, PLACE, TEXT, Table

_METRICS = (
    (
        "effective_rank",
        NUMBER,
        "exp of the entropy of p = sigma / sum(sigma) (Roy & Vetterli 2007)",
    ),
    ("effective_rank_pct", NUMBER, "Effective rank, % of dim"),
    (
        "spectral_entropy_rank",
        NUMBER,
        "exp of the entropy of p = sigma^2 / sum(sigma^2); other tools' effective rank",
    ),
    ("stable_rank", NUMBER, "Squared Frobenius norm over squared spectral norm"),
    ("participation_ratio", NUMBER, "(sum sigma^2)^2 / sum sigma^4"),
    ("numerical_rank", NUMBER, "Singular values above sigma_1 max(n, d) eps of the stored type"),
    ("mean_cosine_similarity", NUMBER, "Mean cosine over pairs of different rows"),
    (
        "partition_isotropy",
        NUMBER,
        "min over max of Z(c), c = +- eigenvectors (Arora et al. 2016); depends on scale",
    ),
    (
        "isoscore",
        NUMBER,
        "IsoScore (Rudman et al. 2022), centred by definition; equals "
        "(participation_ratio_centered - 1) / (dim - 1)",
    ),
    ("spectral_norm", NUMBER, "Largest singular value"),
    ("frobenius_norm", NUMBER, "Root of the sum of squares"),
)


METRIC_COLUMNS = tuple(name for name, *_ in _METRICS)
"""Metrics of a matrix."""


def _centered() -> tuple[tuple[str, pa.DataType, str], ...]:
    return tuple(
        (f"{name}_centered", kind, f"The same, of the matrix minus its column means: {name}")
        for name, kind, _ in _METRICS
    )


GEOMETRY = Table(
    "geometry",
    "One row per checkpoint and matrix: W, the unembedding; H, final-layer representations.",
    (
        *PLACE,
        ("matrix", TEXT, "W or H"),
        ("domain", TEXT, "Held-out domain whose passages H is of; empty for W"),
        ("rows", COUNT, "n: vocabulary rows in use, or passages"),
        ("dim", COUNT, "d: width of the model"),
        ("zero_rows", COUNT, "Rows that are zero; they have no cosine"),
        *_METRICS,
        ("singular_values", pa.list_(NUMBER), "sigma, all, descending"),
        ("zero_rows_centered", COUNT, "Rows that are zero once the column means are subtracted"),
        *_centered(),
        ("singular_values_centered", pa.list_(NUMBER), "sigma of the centred matrix"),
        ("numerics", TEXT, "JSON: types, device, library versions, how H was read"),
    ),
)


LAYERS = Table(
    "layers",
    "One row per checkpoint, held-out domain and layer: the residual stream at the last token of "
    "each passage, and how near it is to the same layer of the run's last checkpoint.",
    (
        *PLACE,
        ("domain", TEXT, "Held-out domain whose passages were read"),
        ("layer", COUNT, "0: what enters the first block; i: what leaves block i"),
        ("dim", COUNT, "d: width of the model"),
        ("n", COUNT, "Passages"),
        (
            "cka_to_last",
            NUMBER,
            "Linear CKA (Kornblith et al. 2019) to the run's last checkpoint; high where n is not "
            "much above d",
        ),
        (
            "cka_to_last_debiased",
            NUMBER,
            "The same with unbiased HSIC (Song et al. 2012): about 0 for what has nothing in "
            "common; null for n < 4",
        ),
        (
            "proportional_effective_rank",
            NUMBER,
            "Effective rank over min(n, d) (Diehl Martinez et al. 2024)",
        ),
        (
            "proportional_effective_rank_centered",
            NUMBER,
            "The same, of the representation minus its column means",
        ),
        ("numerics", TEXT, "JSON: types, device, library versions, how the stream was read"),
    ),
)
