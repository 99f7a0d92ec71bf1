"""Tables notice what became of them on the disk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disentangle.parquet import read_parquet, read_parquet_batches, write_parquet
from disentangle.storage import DamagedError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A table of numbers and text, some of it in a dictionary."""
    rng = np.random.Generator(np.random.PCG64(0))
    table = pa.table(
        {
            "loss": rng.normal(size=200),
            "step": rng.integers(0, 1000, size=200),
            "run": [f"run {i % 7}" for i in range(200)],
        }
    )
    path = tmp_path / "observations.parquet"
    write_parquet(table, path)
    return path


def pages_of(path: Path) -> list[range]:
    """Where the column chunks are in a file."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    starts = [c.dictionary_page_offset or c.data_page_offset for c in chunks]
    sizes = [chunk.total_compressed_size for chunk in chunks]
    return [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def test_no_changed_byte_of_a_page_changes_what_is_read(written: Path) -> None:
    before, sound = written.read_bytes(), read_parquet(written)
    chunks, noticed = pages_of(written), 0
    for chunk in chunks:
        for place in chunk[:: max(1, len(chunk) // 200)]:
            changed = bytearray(before)
            changed[place] ^= 4
            written.write_bytes(changed)
            try:
                assert read_parquet(written).equals(sound), f"byte {place} was believed"
            except DamagedError as fault:
                assert str(written) in str(fault)
                noticed += 1
    assert noticed > 400, "most bytes of a page are covered by its checksum"


def test_without_the_checksums_a_changed_byte_is_believed(written: Path) -> None:
    """The library's default, and the reason why tables are not read by it."""
    sound = read_parquet(written)
    changed = bytearray(written.read_bytes())
    losses = pages_of(written)[0]
    changed[losses[len(losses) // 2]] ^= 4
    written.write_bytes(changed)
    assert not pq.ParquetFile(written).read().equals(sound)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_table_that_is_cut_short_is_named(written: Path, share: float) -> None:
    content = written.read_bytes()
    written.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedError, match=r"observations\.parquet is damaged"):
        read_parquet(written)
    with pytest.raises(DamagedError, match=r"observations\.parquet is damaged"):
        list(read_parquet_batches(written, ["loss"], 10))


def test_a_table_that_is_not_there_is_not_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "nothing.parquet")


def test_equal_tables_give_equal_bytes_and_others_can_read_them(written: Path) -> None:
    table = read_parquet(written)
    again = written.with_name("again.parquet")
    write_parquet(table, again)
    assert again.read_bytes() == written.read_bytes()
    assert pq.read_table(written).equals(table)
    batches = list(read_parquet_batches(written, ["run"], 64))
    assert [len(batch) for batch in batches] == [64, 64, 64, 8]


def test_no_changed_byte_ends_in_another_error(written: Path) -> None:
    """The footer has no checksum: a byte there may go unnoticed, or give a name that is no text."""
    before = written.read_bytes()
    for place in range(len(before) - 2000, len(before)):
        changed = bytearray(before)
        changed[place] ^= 0xFF
        written.write_bytes(changed)
        try:
            read_parquet(written)
        except DamagedError:
            continue
