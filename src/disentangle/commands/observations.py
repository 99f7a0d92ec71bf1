"""Write a table of observations from the evaluation harness's results."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from disentangle.errors import StudyError
from disentangle.observations.from_harness import table_from_harness, with_columns_of
from disentangle.observations.read import SEPARATORS, read_observations
from disentangle.parquet import write_parquet
from disentangle.storage import replacing
from disentangle.vocabulary.scores import STDERR


def write_from_harness(
    folder: Path, out: Path, *, pattern: str | None, tasks: Sequence[str], join: Path | None
) -> None:
    """Read a folder of results into a table, write it, and say on a line what it has.

    Args:
        folder: where the harness's JSON files are.
        out: the file to write: .csv, .tsv or .parquet.
        pattern: of the files' paths; see `observations.from_harness`.
        tasks: the tasks to take; all, if none is named.
        join: a table with more columns of these models, by run, or by run and step.

    Raises:
        StudyError: if a file is not as it should be; all faults at once.
    """
    if out.suffix not in (".parquet", *SEPARATORS):
        raise StudyError(f"--out {out}: write a .csv, .tsv or .parquet file")
    found = table_from_harness(folder, pattern, tasks)
    table = found.table
    if join is not None:
        table = with_columns_of(table, read_observations(join))
    _write(table, out)
    scores = [name for name in found.table if f"{name}{STDERR}" in found.table]
    told = [
        f"{out}: {len(table)} checkpoints of {table['run'].nunique()} models, "
        f"{len(scores)} scores with errors, from {found.files} files"
    ]
    if found.passed_over:
        told.append(f"{found.passed_over} .json files are not like {pattern} and were passed over")
    if found.left_out:
        told.append(f"{found.left_out} scores are not finite; their cells are empty")
    print("\n".join(told))


def _write(table: pd.DataFrame, out: Path) -> None:
    with replacing(out) as temporary:
        if out.suffix == ".parquet":
            arrow = pa.Table.from_pandas(table, preserve_index=False)
            write_parquet(arrow.replace_schema_metadata(None), temporary)
        else:
            table.to_csv(temporary, sep=SEPARATORS[out.suffix], index=False)
