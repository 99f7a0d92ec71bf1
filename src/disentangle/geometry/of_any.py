"""`disentangle.measure`: measure an array, a tensor, a saved matrix or a model."""

from collections.abc import Callable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from disentangle.checkpoint.model_place import find
from disentangle.errors import StudyError
from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, MatrixError
from disentangle.geometry.of_matrix import measure_matrix, measure_user_metric
from disentangle.geometry.saved_matrix import read_matrix
from disentangle.geometry.user_metric import TAKEN, TAKES
from disentangle.vocabulary.user_metric import UserMetric

__all__ = ["measure"]


def measure(
    matrix: ArrayLike | torch.Tensor | str | Path,
    *,
    tensor: str | None = None,
    metrics: Sequence[Callable[[Any], float]] = (),
) -> dict[str, Any]:
    """Every metric of a matrix M (n x d), in float64, on a GPU where there is one.

        >>> measured = measure(np.eye(4))
        >>> measured["rows"], measured["dim"], round(measured["effective_rank"], 6)
        (4, 4, 4.0)
        >>> measure("path/to/model")["effective_rank_pct"]  # doctest: +SKIP

    Args:
        matrix: n x d of real floating-point numbers, an array, tensor or table of columns; or
            where one is saved. In a file (.npy, .npz, .safetensors, .pt) it is the only matrix, of
            a model's folder (Hugging Face's with safetensors; others with the extra `train`) the
            unembedding, without the rows that pad the vocabulary. hf:owner/name[@revision] is a
            model on the Hugging Face hub, which is fetched into this machine's cache.
        tensor: the name of another tensor of the file or model.
        metrics: functions of your own that give a number. Each takes one argument, by its name:
            `matrix` (n x d), or `singular_values` (min(n, d) of them, descending), both float64
            arrays of numpy that cannot be written to.

    Returns:
        `rows` (n), `dim` (d), `zero_rows`, the metrics of `disentangle.vocabulary.metrics.METRICS`
        by name, and `singular_values` (a list, descending). Each but n and d also of M minus its
        column means, under `<name>_centered`. Then each of `metrics` likewise, under its own name.
        A metric without a value is NaN.

    Raises:
        MatrixError: a ValueError, if it is not a nonempty matrix of finite real floating-point
            numbers, or is zero.
        StudyError: if there is no such file, model or tensor, or it cannot be fetched or read; if a
            function of `metrics` takes something else, has the name of a column, or fails.
    """
    known = [(_described(function), function) for function in metrics]
    if isinstance(matrix, str | Path):
        name, found = read_matrix(find(matrix).path, tensor)
    elif tensor is not None:
        raise StudyError(f"tensor={tensor!r} is for a file or a model; this is a matrix already")
    else:
        name, found = "the matrix", _as_tensor(matrix)
    measured = measure_matrix(found, name)
    for metric, function in known:
        measured |= measure_user_metric(Matrix(found, name), metric, function)
    return measured


def _as_tensor(given: ArrayLike | torch.Tensor) -> torch.Tensor:
    if isinstance(given, torch.Tensor):
        return given
    array = np.asarray(given)
    if not np.issubdtype(array.dtype, np.floating):
        raise MatrixError(f"the matrix: {array.dtype} is not a real floating-point type")
    stored = array.dtype.newbyteorder("=")
    if stored not in (np.float16, np.float32, np.float64):
        raise MatrixError(f"the matrix: there is no tensor of {array.dtype}; make it float64")
    # torch takes neither another byte order nor negative strides, and warns of read-only arrays
    return torch.from_numpy(np.require(array, stored, ["C", "W"]))


def _described(function: Callable[[Any], Any]) -> UserMetric:
    name = getattr(function, "__name__", "")
    takes, *more = [*signature(function).parameters, ""]
    if not name.isidentifier() or takes not in TAKES or more != [""]:
        raise StudyError(
            f"{function!r}: a metric is a named function of one argument, called "
            f"{' or '.join(TAKES)}"
        )
    if name in TAKEN or name.endswith(CENTERED):
        raise StudyError(f"{name} is the name of a column of ours; give the function another")
    return UserMetric.model_validate({"spelled": name, "takes": takes, "meaning": "", "code": ""})
