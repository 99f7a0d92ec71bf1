"""Measure one matrix outside of any study, from a model's folder or from a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from disentangle.checkpoint.model_place import find
from disentangle.commands.own_metrics import read_own
from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.of_matrix import measure_matrix, measure_user_metric
from disentangle.geometry.saved_matrix import read_matrix
from disentangle.geometry.user_metric import load
from disentangle.tables.files import write_table
from disentangle.tables.geometry import geometry_table
from disentangle.vocabulary.metrics import METRICS


def measure_path(source: str, *, tensor: str | None, own: Sequence[str], out: Path | None) -> None:
    """Print every metric of a matrix, or write them as a row of a geometry table.

    Args:
        source: a model's folder or hf:owner/name[@revision], whose unembedding is measured; or a
            file of tensors.
        tensor: the name of another tensor of the model, or of a tensor in the file.
        own: user-defined metrics; see `geometry.user_metric`.
        out: a parquet file to write, instead of printing.

    Raises:
        StudyError: if the matrix does not exist or cannot be measured.
    """
    metrics = read_own(own)
    place = find(source)
    name, matrix = read_matrix(place.path, tensor)
    measured = measure_matrix(matrix, name)
    for metric in metrics:
        measured |= measure_user_metric(Matrix(matrix, name), metric, load(metric.spelled))
    if out is None:
        print(_screen(name, measured, [*(m.name for m in METRICS), *(m.name for m in metrics)]))
        return
    where = {"run": place.named, "step": None, "tokens": None, "matrix": name, "domain": ""}
    numerics = {"numerics": '{"device": "cpu", "metric_dtype": "float64"}'}
    table = geometry_table({metric.name: metric.meaning for metric in metrics})
    write_table([where | measured | numerics], table, out)
    print(f"{out}: {name}")


def _screen(name: str, measured: dict[str, Any], metrics: Sequence[str]) -> str:
    widest = max(map(len, metrics))
    lines = [f"{name}: {measured['rows']} x {measured['dim']}"]
    lines.append(f"{'':{widest}}  {'as it is':>12}  {'centred':>12}")
    for metric in metrics:
        values = (measured[metric], measured[f"{metric}{CENTERED}"])
        lines.append(f"{metric:{widest}}  {values[0]:>12.6g}  {values[1]:>12.6g}")
    return "\n".join(lines)
