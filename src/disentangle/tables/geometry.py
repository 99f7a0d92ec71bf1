"""Tables of the geometry of checkpoints: of their matrices, and of their layers.

Measuring depends only on these tables, so that a new column in another table does not repeat any
measurement.
"""

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from disentangle.geometry import CENTERED
from disentangle.tables.table import COUNT, NUMBER, PLACE, TEXT, Table
from disentangle.vocabulary.matrices import KINDS
from disentangle.vocabulary.metrics import METRICS

_METRICS = tuple((metric.name, NUMBER, metric.meaning) for metric in METRICS)

_CENTERED = tuple(
    (f"{name}{CENTERED}", kind, f"The same, of the matrix minus its column means: {name}")
    for name, kind, _ in _METRICS
)

GEOMETRY = Table(
    "geometry",
    "One row per checkpoint, matrix and held-out domain. "
    + "; ".join(f"{kind.name}: {kind.meaning}" for kind in KINDS)
    + ". The last three are fixed by the model's function; they have no centred columns.",
    (
        *PLACE,
        ("matrix", TEXT, ", ".join(kind.name for kind in KINDS)),
        ("domain", TEXT, "Held-out domain whose passages were read; empty for W and Wproj"),
        ("rows", COUNT, "n: vocabulary rows in use, passages, or tokens that occur (Wfisher)"),
        ("dim", COUNT, "d: width of the model"),
        ("zero_rows", COUNT, "Rows that are zero; they have no cosine"),
        *_METRICS,
        ("singular_values", pa.list_(NUMBER), "All singular values sigma, descending"),
        ("zero_rows_centered", COUNT, "Rows that are zero once the column means are subtracted"),
        *_CENTERED,
        ("singular_values_centered", pa.list_(NUMBER), "Singular values of the centred matrix"),
        ("numerics", TEXT, "JSON: types, device, library versions, how H was read"),
    ),
)


def geometry_table(own: Mapping[str, str]) -> Table:
    """The geometry table of a study with the user's own metrics (name to meaning)."""
    *columns, numerics = GEOMETRY.columns
    for name, meaning in own.items():
        columns.append((name, NUMBER, meaning))
        columns.append((f"{name}{CENTERED}", NUMBER, f"The same, of the centred matrix: {name}"))
    return replace(GEOMETRY, columns=(*columns, numerics))


LAYERS = Table(
    "layers",
    "One row per checkpoint, held-out domain, layer and part of it: what it computes at the last "
    "token of each passage, and how similar that is to the same of the run's last checkpoint.",
    (
        *PLACE,
        ("domain", TEXT, "Held-out domain whose passages were read"),
        ("layer", COUNT, "0: input of the first block; i: block i"),
        (
            "part",
            TEXT,
            "stream, the residual stream after the block; attention, mlp: what these add to it",
        ),
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
            "The same with unbiased HSIC (Song et al. 2012): about 0 for unrelated "
            "representations; null for n < 4",
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
        ("numerics", TEXT, "JSON: types, device, library versions, how states were read"),
    ),
)

OF_SPECTRUM = (
    *("effective_rank", "spectral_entropy_rank", "stable_rank", "participation_ratio"),
    *("numerical_rank", "spectral_norm", "frobenius_norm", "nuclear_norm"),
    *("condition_number", "spectral_gap", "alpha", "alpha_hat", "alpha_req"),
)
"""The metrics that singular values determine."""

MATRICES = Table(
    "matrices",
    "One row per checkpoint and matrix of a layer, or head of a circuit: q, k, v, o, gate, up, "
    "down; OV, what a head writes; QK, how it scores; and E, the embedding. Matrices are outputs x "
    "inputs.",
    (
        *PLACE,
        ("matrix", TEXT, "q, k, v, o, gate, up, down, OV, QK or E"),
        ("layer", COUNT, "From 0; null for E"),
        ("head", COUNT, "From 0; null for a matrix of all heads"),
        ("rows", COUNT, "Outputs"),
        ("columns", COUNT, "Inputs"),
        (
            "proportional_effective_rank",
            NUMBER,
            "Effective rank over the number of singular values (Diehl Martinez et al. 2024)",
        ),
        *(column for column in _METRICS if column[0] in OF_SPECTRUM),
        (
            "singular_values",
            pa.list_(NUMBER),
            "Singular values, descending; of a circuit as many as the head is wide",
        ),
        ("numerics", TEXT, "JSON: types and library versions"),
    ),
)

_LAYER = next(column for column in MATRICES.columns if column[0] == "layer")

GRADIENTS = replace(
    MATRICES,
    name="gradients",
    meaning="One row per checkpoint and matrix: the gradient of the mean loss over the batches of "
    "the last training steps, taken at the checkpoint's weights. Of W, of each MLP's second "
    "matrix, and of each head's OV circuit (G_O V + O G_V).",
    columns=(
        *PLACE,
        ("matrix", TEXT, "W, down or OV"),
        ("layer", COUNT, "From 0; null for W"),
        *MATRICES.columns[MATRICES.columns.index(_LAYER) + 1 : -1],
        ("loss", NUMBER, "Mean loss of these batches at the checkpoint, nats per token"),
        ("batches", COUNT, "How many steps' batches were read"),
        ("numerics", TEXT, "JSON: types, device and library versions"),
    ),
)
