"""Write and read tables as self-describing parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from disentangle.errors import StudyError
from disentangle.parquet import read_parquet, write_parquet
from disentangle.storage import replacing
from disentangle.tables.table import Table
from disentangle.tables.version import check_version


def to_arrow(rows: Sequence[Mapping[str, Any]] | pd.DataFrame, table: Table) -> pa.Table:
    """Convert rows to a table's columns, order and types.

    Raises:
        StudyError: if a column is missing or unknown, or a value does not fit its type.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    if frame.empty:
        return table.schema.empty_table()
    schema = _with_further_columns(table, frame)
    expected, found = set(schema.names), set(frame.columns)
    if expected != found:
        raise StudyError(
            f"table {table.name}: missing columns {sorted(expected - found)}, "
            f"unknown columns {sorted(found - expected)}"
        )
    try:
        arrow = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise StudyError(f"table {table.name}: {error}") from error
    # drop pandas' own metadata: it holds library versions, which are not part of the data
    return arrow.replace_schema_metadata(schema.metadata)


def _with_further_columns(table: Table, frame: pd.DataFrame) -> pa.Schema:
    schema = table.schema
    if table.further is None:
        return schema
    for name in frame.columns:
        if name not in schema.names:
            metadata = {"meaning": table.further(name)}
            schema = schema.append(pa.field(name, pa.float64(), metadata=metadata))
    return schema


def write_table(rows: Sequence[Mapping[str, Any]] | pd.DataFrame, table: Table, path: Path) -> None:
    """Write rows as parquet; equal rows give equal bytes. See `to_arrow` for errors."""
    arrow = to_arrow(rows, table)
    with replacing(path) as temporary:
        write_parquet(arrow, temporary)


def read_tables(paths: Sequence[Path]) -> pd.DataFrame:
    """Read and concatenate tables of one kind.

    Raises:
        DamagedError: if one is damaged.
        StudyError: if one is of another major version.
    """
    return pd.concat([_read(path).to_pandas() for path in paths], ignore_index=True)


def _read(path: Path) -> pa.Table:
    arrow = read_parquet(path)
    check_version(arrow.schema.metadata, path)
    return arrow
