"""An entry's value is believed only while it is what was kept under its key."""

from pathlib import Path

import pytest

from disentangle.checkpoint.cache import Cache, read_entry
from disentangle.storage import DamagedError, write_sealed

KEY = {"weights": "ab", "quantity": "spectra", "domains": ("id", "code")}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    found = Cache(tmp_path)
    found.put(KEY, {"rank": 12.25, "absent": float("nan")})
    return found


def only_file(folder: Path) -> Path:
    (path,) = folder.rglob("*.json")
    return path


def test_a_value_comes_back(cache: Cache) -> None:
    assert cache.has(KEY)
    assert cache.get(KEY) == {"rank": 12.25, "absent": None}
    assert not cache.has(KEY | {"weights": "cd"})


def test_a_changed_digit_is_no_value(cache: Cache, tmp_path: Path) -> None:
    path = only_file(tmp_path)
    path.write_text(path.read_text().replace("12.25", "12.75"))
    assert cache.get(KEY) is None and not cache.has(KEY)
    cache.put(KEY, {"rank": 12.25})
    assert cache.get(KEY) == {"rank": 12.25}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_torn_entry_is_measured_again(cache: Cache, tmp_path: Path, content: str) -> None:
    only_file(tmp_path).write_text(content)
    assert cache.get(KEY) is None and not cache.has(KEY)


def test_another_measurement_under_its_name_is_no_value(cache: Cache, tmp_path: Path) -> None:
    write_sealed(only_file(tmp_path), {"key": KEY | {"weights": "cd"}, "value": 1})
    assert cache.get(KEY) is None
    with pytest.raises(DamagedError, match="its key does not match its name"):
        read_entry(only_file(tmp_path))
