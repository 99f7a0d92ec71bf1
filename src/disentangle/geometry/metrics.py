"""Every metric of one matrix, computed from its measurements.

Light to import: turning finished measurements into rows of a table takes no torch.
"""

from typing import Any

import numpy as np

from disentangle.geometry import CENTERED
from disentangle.geometry.effective_ranks import (
    Spectrum,
    condition_number,
    effective_rank,
    frobenius_norm,
    nuclear_norm,
    numerical_rank,
    participation_ratio,
    spectral_entropy_rank,
    spectral_gap,
    spectral_norm,
    stable_rank,
)
from disentangle.geometry.isoscore import isoscore_of_spectrum
from disentangle.geometry.power_law import alpha, alpha_hat, alpha_req
from disentangle.vocabulary.metrics import METRICS

__all__ = ["of_spectrum", "read_off", "spectrum_row"]


def of_spectrum(sigma: Spectrum, shape: tuple[int, int], stored: str) -> dict[str, float]:
    """The metrics that the singular values of a matrix determine.

    Args:
        sigma: singular values, descending.
        shape: of the matrix.
        stored: name of the type in which its entries are kept.
    """
    rank = numerical_rank(sigma, shape, stored)
    return {
        "effective_rank": effective_rank(sigma),
        "spectral_entropy_rank": spectral_entropy_rank(sigma),
        "stable_rank": stable_rank(sigma),
        "participation_ratio": participation_ratio(sigma),
        "numerical_rank": rank,
        "spectral_norm": spectral_norm(sigma),
        "frobenius_norm": frobenius_norm(sigma),
        "nuclear_norm": nuclear_norm(sigma),
        "condition_number": condition_number(sigma, rank),
        "spectral_gap": spectral_gap(sigma),
        "alpha": alpha(sigma[:rank]),
        "alpha_hat": alpha_hat(sigma[:rank]),
        "alpha_req": alpha_req(sigma[:rank]),
    }


def spectrum_row(found: dict[str, Any]) -> dict[str, Any]:
    """The columns of the table of matrices for one matrix of a model, stored in float32.

    Args:
        found: matrix (its name: q, k, v, o, gate, up, down, OV, QK, E, or W), layer and head (from
            0, None if it has none), rows, columns, and singular_values, descending.
    """
    sigma = np.array(found["singular_values"])
    metrics = of_spectrum(sigma, (found["rows"], found["columns"]), "float32")
    per = {"proportional_effective_rank": metrics["effective_rank"] / len(sigma)}
    return found | per | metrics


def read_off(measured: dict[str, Any]) -> dict[str, Any]:
    """The columns of the geometry table for one matrix.

    Metrics of the spectrum are computed here, from the cached singular values, so that adding a
    metric does not need the weights.

    Args:
        measured: all `geometry.measurements` of the matrix; None for a missing value.

    Returns:
        rows (n), dim (d), zero_rows, the METRICS and singular_values; then zero_rows, the METRICS
        and singular_values of the centered matrix, with the suffix CENTERED. IsoScore centers by
        definition, so both of its columns are equal. A metric without a value is NaN: the mean
        cosine for fewer than two nonzero rows, IsoScore for d = 1, and, if all rows are equal,
        everything for the centered matrix except the norms and the numerical rank, which are 0.
        Of a matrix that is not also measured centered, these columns are missing.
    """
    n, d, stored = (measured[name] for name in ("rows", "dim", "stored"))
    suffixes = [s for s in ("", CENTERED) if f"singular_values{s}" in measured]
    score = isoscore_of_spectrum(np.array(measured[f"singular_values{suffixes[-1]}"]), d)
    record: dict[str, Any] = {"rows": n, "dim": d}
    for suffix in suffixes:
        sigma = np.array(measured[f"singular_values{suffix}"])
        metrics = of_spectrum(sigma, (n, d), stored) | {
            "effective_rank_pct": 100 * effective_rank(sigma) / measured["space"],
            "mean_cosine_similarity": _number(measured[f"mean_cosine_similarity{suffix}"]),
            "partition_isotropy": _number(measured[f"partition_isotropy{suffix}"]),
            "isoscore": score,
            "column_kurtosis": _number(measured.get(f"column_kurtosis{suffix}")),
            "outlier_ratio": _number(measured.get(f"outlier_ratio{suffix}")),
            "two_nn": _number(measured.get(f"two_nn{suffix}")),
            "subspace_overlap": _number(measured.get(f"subspace_overlap{suffix}")),
            "embedding_cosine": _number(measured.get(f"embedding_cosine{suffix}")),
            "embedding_cka": _number(measured.get(f"embedding_cka{suffix}")),
            "lidar": _number(measured.get(f"lidar{suffix}")),
        }
        record[f"zero_rows{suffix}"] = measured[f"zero_rows{suffix}"]
        record |= {f"{metric.name}{suffix}": metrics[metric.name] for metric in METRICS}
        record[f"singular_values{suffix}"] = measured[f"singular_values{suffix}"]
    return record


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
