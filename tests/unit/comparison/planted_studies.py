"""Folders of studies with planted tables, to be compared."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from disentangle.parquet import write_parquet
from disentangle.storage import write_json
from disentangle.tables.estimated import ASSOCIATIONS, CLAIM_TESTS, CLAIMS
from disentangle.tables.files import write_table

RANK, LOSS = "W_effective_rank_pct", "id_bits_per_byte"

Estimate = tuple[float, float, float]


def write_study(
    folder: Path,
    *,
    claims: Mapping[int, tuple[str, Estimate]],
    residual: Estimate = (0.5, 0.2, 0.7),
    within: Estimate = (math.nan, math.nan, math.nan),
    controls: str = "params_non_embedding, batch_size",
    weights: Sequence[str] = (),
    design: Mapping[str, Any] | None = None,
    test: str = "id_bits_per_byte: raw",
) -> Path:
    """A study's folder with claims (verdict and estimate) and one association.

    `weights` are the hashes of its models. Without `design` the study file is not kept.
    """
    tables = folder / "tables"
    tables.mkdir(parents=True)
    ledger, tests = [], []
    for number, (verdict, (value, low, high)) in claims.items():
        row = {"claim": number, "quantity": "ρ", "verdict": verdict, "observed": value, "n": 12}
        ledger.append(
            dict.fromkeys(CLAIMS.schema.names)
            | row
            | {"statement": f"Claim {number}.", "source": "A paper", "test": test}
        )
        tests.append(
            dict.fromkeys(CLAIM_TESTS.schema.names)
            | row
            | {"part": test, "low": low, "high": high, "decides": True}
        )
    write_table(pd.DataFrame(ledger), CLAIMS, tables / "claims.parquet")
    write_table(pd.DataFrame(tests), CLAIM_TESTS, tables / "claim_tests.parquet")
    names = ("residual_rho", "residual_low", "residual_high")
    names_within = ("within_rho", "within_low", "within_high")
    association = dict.fromkeys(ASSOCIATIONS.schema.names) | {
        **{"variant": "base", "metric": RANK, "outcome": LOSS, "n": 12, "controls": controls},
        **dict(zip(names, residual, strict=True)),
        **dict(zip(names_within, within, strict=True)),
    }
    write_table(pd.DataFrame([association]), ASSOCIATIONS, tables / "associations.parquet")
    if weights:
        rows = [
            {"run": f"run{i}", "final": True, "weights_sha256": w} for i, w in enumerate(weights)
        ]
        write_frame(pd.DataFrame(rows), tables / "checkpoints.parquet")
    if design is not None:
        write_json(folder / "specs" / "write_report" / "study.json", {"study": dict(design)})
    return folder


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    write_parquet(pa.Table.from_pandas(frame, preserve_index=False), path)


def design(source: str = "a.txt", **changes: Any) -> dict[str, Any]:
    """A study file, as far as it is compared."""
    return {
        "study": "a",
        "corpus": {"heldout": {"id": {"source": source}}, "limit": 1000},
        "sizes": [{"name": "1K", "d_model": 8}, {"name": "4K", "d_model": 16}],
        "execution": {"threads": 2},
        **changes,
    }
