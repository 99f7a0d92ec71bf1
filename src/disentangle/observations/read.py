"""Read a user's table of observations."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from disentangle.errors import StudyError

SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_observations(path: Path) -> pd.DataFrame:
    """Read CSV, TSV (UTF-8, with a header line) or parquet.

    Raises:
        StudyError: if the file does not exist, cannot be parsed, is empty, contains a NUL byte, or
            has two columns with the same name.
    """
    if not path.is_file():
        raise StudyError(f"observations.file: there is no file {path}")
    try:
        table = _read(path)
    # Arrow raises OSError for a damaged file
    except (pa.ArrowException, OSError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        kind = path.suffix.removeprefix(".")
        raise StudyError(f"observations.file: {path} is no valid {kind} table: {reason}") from error
    except pd.errors.EmptyDataError as error:
        raise StudyError(f"observations.file: {path} is empty") from error
    names = [str(name).strip() for name in table.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(
            f"observations.file: {path} has more than one column named {', '.join(repeated)}"
        )
    if table.empty:
        raise StudyError(f"observations.file: {path} has a header but no rows")
    return table.set_axis(names, axis=1).reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas()
    _refuse_nul(path)
    # read all as text: pandas would rename a repeated column and guess types per column
    raw = pd.read_csv(
        path, sep=SEPARATORS[path.suffix], header=None, dtype=str, encoding="utf-8-sig"
    )
    return raw.iloc[1:].set_axis(raw.iloc[0].fillna("").tolist(), axis=1)


def _refuse_nul(path: Path) -> None:
    """Refuse a NUL byte: the parser would silently cut a name or a value there."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if b"\0" in line:
                raise StudyError(
                    f"observations.file: {path} is no valid {path.suffix.removeprefix('.')} table: "
                    f"line {number} has a NUL byte. Was it saved as UTF-16? Save it as UTF-8"
                )
