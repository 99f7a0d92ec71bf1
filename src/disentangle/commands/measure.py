"""Measure one matrix outside of any study: of a model's folder, or of a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.importing import load_model
from disentangle.checkpoint.manifest import MANIFEST
from disentangle.checkpoint.source_tokenizer import load_tokenizer
from disentangle.errors import StudyError
from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix
from disentangle.geometry.of_matrix import measure_matrix, measure_own
from disentangle.geometry.own_metric import load, read_own_metrics
from disentangle.tables.files import write_table
from disentangle.tables.geometry import geometry_table
from disentangle.vocabulary.metrics import METRICS

HEAD = "the unembedding"


def measure_path(path: Path, *, tensor: str | None, own: Sequence[str], out: Path | None) -> None:
    """Print every metric of a matrix, or write them as a row of a geometry table.

    Args:
        path: a model's folder, whose unembedding is measured; or a file of tensors.
        tensor: the name of another tensor of the model, or of one of the file's.
        own: metrics of the user's own; see `geometry.own_metric`.
        out: a parquet file to write instead of the screen.

    Raises:
        StudyError: if there is no such matrix, or it cannot be measured.
    """
    name, matrix = _of_model(path, tensor) if path.is_dir() else _of_file(path, tensor)
    metrics = read_own_metrics(own)
    measured = measure_matrix(matrix, name)
    for metric in metrics:
        measured |= measure_own(Matrix(matrix, name), metric, load(metric.spelled))
    if out is None:
        print(_screen(name, measured, [*(m.name for m in METRICS), *(m.name for m in metrics)]))
        return
    place = {"run": str(path), "step": None, "tokens": None, "matrix": name, "domain": ""}
    numerics = {"numerics": '{"device": "cpu", "metric_dtype": "float64"}'}
    table = geometry_table({metric.name: metric.meaning for metric in metrics})
    write_table([place | measured | numerics], table, out)
    print(f"{out}: {name}")


def _screen(name: str, measured: dict[str, Any], metrics: Sequence[str]) -> str:
    widest = max(map(len, metrics))
    lines = [f"{name}: {measured['rows']} x {measured['dim']}"]
    lines.append(f"{'':{widest}}  {'as it is':>12}  {'centred':>12}")
    for metric in metrics:
        values = (measured[metric], measured[f"{metric}{CENTERED}"])
        lines.append(f"{metric:{widest}}  {values[0]:>12.6g}  {values[1]:>12.6g}")
    return "\n".join(lines)


def _of_model(folder: Path, tensor: str | None) -> tuple[str, torch.Tensor]:
    if steps := sorted(path.name for path in folder.glob("step*") if path.is_dir()):
        raise StudyError(f"{folder} holds several checkpoints; name one: {', '.join(steps[:12])}")
    if (folder / MANIFEST).is_file():
        checkpoint = load_checkpoint(folder, "cpu")
        model, rows = checkpoint.model, checkpoint.manifest.rows
    else:
        try:
            model = load_model(folder)
        except ValueError as fault:
            raise StudyError(f"{folder} cannot be measured: {fault}.") from None
        rows = _rows(folder, model)
    if tensor is not None:
        weights = dict(model.named_parameters())
        return tensor, _named(folder, weights, tensor)
    head: Any = model.get_output_embeddings().weight
    return HEAD, head.detach()[:rows]


def _rows(folder: Path, model: Any) -> int:
    """Rows of the head that the vocabulary uses; all, where there is no tokenizer to tell."""
    head = len(model.get_output_embeddings().weight)
    try:
        return min(head, len(load_tokenizer(folder, None, model)))
    except ValueError:
        return head


def _of_file(path: Path, tensor: str | None) -> tuple[str, torch.Tensor]:
    weights = _tensors(path)
    if tensor is None:
        matrices = [name for name, value in weights.items() if value.ndim == 2]
        if len(matrices) != 1:
            there = ", ".join(matrices[:12]) or "none"
            raise StudyError(f"{path}: say which matrix, --tensor NAME; there are: {there}")
        tensor = matrices[0]
    return tensor, _named(path, weights, tensor)


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """What a file holds, by name; nothing in it is run."""
    if not path.is_file():
        raise StudyError(f"There is no {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npy":
            return {path.stem: torch.from_numpy(np.load(path, allow_pickle=False))}
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays}
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file fails in any way
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StudyError(f"{path} cannot be read as tensors: {reason}") from None
    found = {path.stem: found} if isinstance(found, torch.Tensor) else found
    if not isinstance(found, dict):
        raise StudyError(f"{path} holds no tensors by name")
    return {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}


def _named(path: Path, weights: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in weights:
        matrices = [known for known, value in weights.items() if value.ndim == 2]
        raise StudyError(f"{path} has no tensor {name}; matrices are: {', '.join(matrices[:12])}")
    return weights[name].detach()
