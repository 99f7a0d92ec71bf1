"""A cell's value is believed only while it is what was kept under its key."""

from pathlib import Path

import pytest

from disentangle.checkpoint.cache import Cache, read_entry
from disentangle.storage import DamagedError, write_sealed

KEY = {"weights": "ab", "quantity": "spectra", "domains": ("id", "code")}


@pytest.fixture
def cells(tmp_path: Path) -> Cache:
    found = Cache(tmp_path)
    found.put(KEY, {"rank": 12.25, "absent": float("nan")})
    return found


def only_file(folder: Path) -> Path:
    (path,) = folder.rglob("*.json")
    return path


def test_a_value_comes_back(cells: Cache) -> None:
    assert cells.has(KEY)
    assert cells.get(KEY) == {"rank": 12.25, "absent": None}
    assert not cells.has(KEY | {"weights": "cd"})


def test_a_changed_digit_is_no_value(cells: Cache, tmp_path: Path) -> None:
    path = only_file(tmp_path)
    path.write_text(path.read_text().replace("12.25", "12.75"))
    assert cells.get(KEY) is None and not cells.has(KEY)
    cells.put(KEY, {"rank": 12.25})
    assert cells.get(KEY) == {"rank": 12.25}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_torn_cell_is_measured_again(cells: Cache, tmp_path: Path, content: str) -> None:
    only_file(tmp_path).write_text(content)
    assert cells.get(KEY) is None and not cells.has(KEY)


def test_another_measurement_under_its_name_is_no_value(cells: Cache, tmp_path: Path) -> None:
    write_sealed(only_file(tmp_path), {"key": KEY | {"weights": "cd"}, "value": 1})
    assert cells.get(KEY) is None
    with pytest.raises(DamagedError, match="its key does not match its name"):
        read_entry(only_file(tmp_path))
