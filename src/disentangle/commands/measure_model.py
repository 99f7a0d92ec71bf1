"""Measure the matrices of a model that need text: a table on screen, a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from disentangle.checkpoint.model_place import find
from disentangle.commands.own_metrics import read_own
from disentangle.corpus.passage_file import read_passages
from disentangle.geometry.of_model import MeasuredModel, measure_place
from disentangle.geometry.user_metric import load
from disentangle.tables.files import write_table
from disentangle.tables.geometry import geometry_table
from disentangle.vocabulary.matrices import BY_NAME
from disentangle.vocabulary.metrics import METRICS

WIDEST = 30
"""Most characters of a metric's name on screen; five matrices then fit 100 columns."""


def measure_with_text(
    source: str, text: Path, *, max_tokens: int, own: Sequence[str], out: Path | None
) -> None:
    """Print every metric of a model's matrices, W to Wlogit, and maybe write a geometry table.

    Args:
        source: a model's folder, or hf:owner/name[@revision].
        text: a file of passages; see `corpus.passage_file`.
        max_tokens: a passage is read up to this many tokens.
        own: user-defined metrics; see `geometry.user_metric`.
        out: a parquet file for a row of each matrix.

    Raises:
        StudyError: if the text, the model or a metric cannot be read, or the model not measured.
    """
    passages, metrics = read_passages(text), read_own(own)
    place = find(source)
    functions = [(metric, load(metric.spelled)) for metric in metrics]
    found = measure_place(place, passages, max_tokens, functions)
    print(f"{place.named}: {len(passages)} passages of {text}, up to {max_tokens} tokens of each")
    names = ["rows", "dim", *(m.name for m in METRICS), *(m.name for m in metrics)]
    print(screen(found, names))
    if out is None:
        return
    rows = [
        {"run": place.named, "step": None, "tokens": None}
        | {"domain": text.name if BY_NAME[row["matrix"]].by_domain else ""}
        | row
        for row in found.rows
    ]
    write_table(rows, geometry_table({metric.name: metric.meaning for metric in metrics}), out)
    print(f"{out}: {', '.join(row['matrix'] for row in rows)}")


def screen(found: MeasuredModel, names: Sequence[str]) -> str:
    """A line for each metric, a column for each matrix as it is, and what is missing and why."""
    widest = min(WIDEST, max(map(len, names)))
    lines = ["  ".join([" " * widest, *(f"{row['matrix']:>12}" for row in found.rows)])]
    for name in names:
        values = [_shown(row, name) for row in found.rows]
        lines.append("  ".join([f"{name[:widest]:{widest}}", *values]))
    lines += [fill(reason, 100) for reason in found.missing.values()]
    return "\n".join(lines)


def _shown(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    # most of these are of one matrix alone, such as the cosine of W with the embedding
    return f"{'-' if value != value else format(value, '.6g'):>12}"
