"""`disentangle.measure_model`: the matrices that need a model itself, and text for it to read."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from disentangle.checkpoint.model_place import Place, find
from disentangle.errors import StudyError
from disentangle.geometry.matrix import MatrixError
from disentangle.geometry.of_matrix import measure_every, measure_user_metric
from disentangle.vocabulary.matrices import KINDS, W
from disentangle.vocabulary.user_metric import UserMetric

__all__ = ["LEAST_TOKENS", "MAX_TOKENS", "MeasuredModel", "measure_model", "measure_place"]

MAX_TOKENS = 64
"""A passage is read up to this many tokens, as in a study that says nothing else."""

LEAST_TOKENS = 2
"""The first token alone tells little, and where every passage begins with the same one, nothing."""


@dataclass(frozen=True)
class MeasuredModel:
    """The matrices of one model."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    """For each matrix: matrix, the columns of `metrics.read_off`, and numerics as JSON."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why a matrix has no row, by its name."""


def measure_model(
    model: str | Path, texts: Sequence[str], *, max_tokens: int = MAX_TOKENS
) -> pd.DataFrame:
    """Every metric of W, and of the matrices that need the model itself or text.

        >>> measure_model("hf:EleutherAI/pythia-14m", passages)  # doctest: +SKIP

    Needs the extra `train`. The model is on the GPU if there is one; metrics are computed on the
    CPU, in float64.

    Args:
        model: a model's folder, or hf:owner/name[@revision] on the Hugging Face hub.
        texts: passages; those without a token are left out.
        max_tokens: a passage is read up to this many tokens.

    Returns:
        A row for each of `disentangle.vocabulary.matrices.KINDS`: `matrix` (W, H, Wproj, Wfisher
        or Wlogit), the columns that `disentangle.measure` gives, and `numerics` (JSON). Only W and
        H have the columns of the matrix minus its column means. A matrix that is not known of this
        model has no row; `attrs["missing"]` says why, by its name.

    Raises:
        StudyError: if the model cannot be found, fetched or loaded, has no tokenizer, or reads
            fewer tokens; or if fewer than two passages have a token.
    """
    found = measure_place(find(model), texts, max_tokens)
    frame = pd.DataFrame(found.rows)
    frame.attrs["missing"] = found.missing
    return frame


def measure_place(
    place: Place,
    texts: Sequence[str],
    max_tokens: int,
    own: Sequence[tuple[UserMetric, Callable[[Any], Any]]] = (),
) -> MeasuredModel:
    """Measure a model that was found; see `measure_model`.

    Args:
        place: where the model is.
        texts, max_tokens: see `measure_model`.
        own: the user's own metrics, and their functions.
    """
    if isinstance(texts, str):
        raise StudyError("texts is one string; give a list of passages")
    if max_tokens < LEAST_TOKENS:
        raise StudyError(f"{max_tokens} tokens of each passage are too few: {LEAST_TOKENS} or more")
    try:
        from disentangle.checkpoint.guard import measuring_device
        from disentangle.geometry.final_norm import NoNormError
        from disentangle.geometry.loaded_model import load
        from disentangle.geometry.model_matrices import ModelMatrices
    except ImportError as absent:
        raise StudyError(
            f"{place.named}: what reads text with a model is not installed ({absent}): pip install "
            "'disentangle[train]'"
        ) from None
    loaded = load(place.path, measuring_device())
    tokenizer = loaded.tokenizer
    if tokenizer is None:
        raise StudyError(f"{place.named} cannot read text: {loaded.no_tokenizer}.")
    passages = list(texts)
    _check_text(place, loaded.model, tokenizer, passages, max_tokens)
    matrices = ModelMatrices(
        loaded.model,
        lambda: tokenizer,
        unembedding=loaded.unembedding,
        embedding=loaded.embedding,
        max_tokens=max_tokens,
        called=place.named,
    )
    measured = MeasuredModel()
    for kind in KINDS:
        try:
            M, numerics = matrices.of(kind, passages if kind.by_domain else None)
        except NoNormError as unknown:
            measured.missing[kind.name] = f"{kind.name} is not known: {unknown}"
            continue
        except MatrixError as fault:
            if kind is W:  # without it there is nothing to show
                raise
            measured.missing[kind.name] = str(fault)
            continue
        row: dict[str, Any] = {"matrix": kind.name} | measure_every(M)
        for metric, function in own:
            row |= measure_user_metric(M, metric, function)
        measured.rows.append(row | {"numerics": json.dumps(numerics, sort_keys=True)})
    return measured


def _check_text(
    place: Place, model: Any, tokenizer: Any, passages: list[str], max_tokens: int
) -> None:
    from disentangle.geometry.passages import encode

    positions = getattr(model.config, "max_position_embeddings", None)
    if isinstance(positions, int) and 0 < positions < max_tokens:
        raise StudyError(
            f"{place.named} reads at most {positions} tokens, and {max_tokens} are asked for: "
            f"--max-tokens {positions} (or max_tokens={positions})"
        )
    read = len(encode(tokenizer, passages, max_tokens)) if passages else 0
    if read < 2:
        raise StudyError(
            f"{read} of {len(passages)} passages have a token for {place.named}; a matrix of them "
            "needs two or more"
        )
