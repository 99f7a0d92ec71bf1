"""Read and write parquet files with page checksums, which are verified on every read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from disentangle.storage import DamagedError

FAULTS = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What a damaged file raises; the last is for a column's name."""


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table with a CRC-32 of every page; equal tables give equal bytes."""
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some columns of it.

    Raises:
        DamagedError: if it is truncated, or a page does not match its checksum.
    """
    try:
        names = None if columns is None else list(columns)
        # as a single file: for a dataset, folder names could become columns
        return _open(path).read(columns=names)
    except FAULTS as error:
        raise _damaged(path, error) from error


def read_parquet_batches(path: Path, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Read some columns of a table, at most so many rows at a time; see `read_parquet`."""
    try:
        yield from _open(path).iter_batches(batch_size=rows, columns=list(columns))
    except FAULTS as error:
        raise _damaged(path, error) from error


def _open(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, page_checksum_verification=True)


def _damaged(path: Path, error: Exception) -> Exception:
    if isinstance(error, FileNotFoundError):
        return error
    return DamagedError(path, f"is damaged: {str(error).splitlines()[0]}")
