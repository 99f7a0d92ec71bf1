"""One file of results of the evaluation harness: which model it is about, and its scores.

The harness (Gao et al., github.com/EleutherAI/lm-evaluation-harness) has written two formats:

    {"results": {"piqa": {"acc": 0.6, "acc_stderr": 0.01}}, "config": {...}}              until 0.3
    {"results": {"piqa": {"acc,none": 0.6, "acc_stderr,none": 0.01}}, "config": {...}}    since 0.4

The word after the comma names the filter of the answers. A file may come from anybody, so nothing
in it is taken unchecked.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disentangle.errors import StudyError
from disentangle.vocabulary.scores import STDERR

LARGEST = 64 * 2**20
"""Bytes; results without samples have some hundred kilobytes."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+/-]{0,199}")
"""A model, a revision, a task or a metric."""

UNFILTERED = ("", "none")

PERPLEXITIES = re.compile(r"(?:(.+)_)?(?:perplexity|ppl)")

BESIDE_SCORES = ("alias", "name", "samples", "sample_len", "sample_count")
"""What stands among a task's scores and is none."""


@dataclass(frozen=True)
class HarnessFile:
    """What a file says."""

    model: str | None
    """Name of the model, without its owner."""
    revision: str | None
    scores: dict[str, float]
    """Columns `<task>_<metric>` and `<task>_<metric>_stderr`. Of a perplexity, the logarithm."""
    left_out: int
    """Scores that are not finite."""


def read_harness_file(path: Path, tasks: frozenset[str] = frozenset()) -> HarnessFile:
    """Read a file of results.

    Perplexities are told as `<task>_log_perplexity`, in nats per answer: with the perplexity
    P = exp(L), its error by the delta method is that of P over P. Differences of L are what late
    rises are judged by, and its errors are those of a mean.

    Args:
        path: the JSON file.
        tasks: those to read; all, if there are none.

    Raises:
        StudyError: if it is too large, is no JSON, or is not as the harness writes it.
    """
    found = _parsed(path)
    results = found.get("results")
    if not isinstance(results, dict):
        raise StudyError(f'{path}: no results of the evaluation harness: "results" is missing')
    scores: dict[str, float] = {}
    left_out = 0
    for task, its in results.items():
        if tasks and task not in tasks:
            continue
        if not NAME.fullmatch(task) or not isinstance(its, dict):
            raise StudyError(f"{path}: {_shown(task)} is no task with scores")
        for name, value in _scores_of(path, task, its):
            if math.isfinite(value):
                scores[name] = value
            else:
                left_out += not name.endswith(STDERR)
    return HarnessFile(*_model(found), scores=scores, left_out=left_out)


def _parsed(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise StudyError(f"{path}: more than {LARGEST // 2**20} MiB: is it a file of samples?")
    try:
        found = json.loads(path.read_text("utf-8"))
    # ValueError: also of bytes that are no UTF-8 and of integers with thousands of digits
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path}: no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise StudyError(f"{path}: no results of the evaluation harness: it is not an object")
    return found


def _scores_of(path: Path, task: str, its: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each score of a task with its column, its standard error after it."""
    for key, value in its.items():
        metric, _, by = key.partition(",")
        if metric.endswith(STDERR) or metric in BESIDE_SCORES:
            continue
        if not NAME.fullmatch(metric) or (by and not NAME.fullmatch(by)):
            raise StudyError(f"{path}: {task}: {_shown(key)} is no name of a score")
        if isinstance(value, str) or value is None:  # "N/A", or a remark
            continue
        number = _number(path, f"{task}, {key}", value)
        error = its.get(f"{metric}{STDERR}" + (f",{by}" if by else ""))
        known = isinstance(error, float | int)  # else "N/A", or nothing
        spread = _number(path, f"{task}, {key}, its error", error) if known else math.nan
        if spread < 0:
            raise StudyError(f"{path}: {task}, {key}: a standard error below 0")
        if perplexity := PERPLEXITIES.fullmatch(metric):
            before = f"{perplexity[1]}_" if perplexity[1] else ""
            metric = f"log_{before}perplexity"
            number, spread = _logarithm(number, spread)
        column = f"{task}_{metric}" + (f",{by}" if by not in UNFILTERED else "")
        yield column.replace("/", "-"), number
        if known:
            yield column.replace("/", "-") + STDERR, spread


def _logarithm(value: float, error: float) -> tuple[float, float]:
    return (math.log(value), error / value) if value > 0 else (math.nan, math.nan)


def _number(path: Path, what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StudyError(f"{path}: {what}: {_shown(value)} is no number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _model(found: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Name and revision of the model, as far as a file says them."""
    config = found.get("config")
    config = config if isinstance(config, dict) else {}
    said = config.get("model_args")
    if isinstance(said, str):  # "pretrained=owner/name,revision=step3000,dtype=float16"
        said = dict(pair.split("=", 1) for pair in said.split(",") if "=" in pair)
    said = said if isinstance(said, dict) else {}
    model = said.get("pretrained") or found.get("model_name")
    revision = said.get("revision")
    named = str(model).rstrip("/").rpartition("/")[2]
    return (
        named if isinstance(model, str) and NAME.fullmatch(named) else None,
        revision if isinstance(revision, str) and NAME.fullmatch(revision) else None,
    )


def _shown(value: object) -> str:
    return repr(value)[:60]
