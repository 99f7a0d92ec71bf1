"""The cache of finished measurements, keyed by what they depend on."""

import math
import sys
from pathlib import Path
from typing import Any

from disentangle.storage import DamagedError, digest, read_sealed, write_sealed


class Cache:
    """A folder of small JSON files, each the result of one measurement of one checkpoint.

    An entry's name is the hash of all that its value depends on (weights, code, settings, text), so
    no entry is ever stale: a change gives another name. Each measurement is made once, even if jobs
    are killed, run twice or get a new checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: dict[str, Any]) -> Path:
        name = digest(key)
        return self._folder / name[:2] / f"{name}.json"

    def get(self, key: dict[str, Any]) -> Any | None:
        """The value under a key, or None. A stored NaN is returned as None.

        A damaged entry counts as missing, so its measurement is repeated.
        """
        try:
            return read_entry(self._path(key))["value"]
        except FileNotFoundError:
            return None
        except DamagedError as fault:
            print(fault.path, fault.fault + "; it is measured again", file=sys.stderr)
            return None

    def has(self, key: dict[str, Any]) -> bool:
        """Whether there is a sound value under a key."""
        return self.get(key) is not None

    def put(self, key: dict[str, Any], value: Any) -> Any:
        """Store a value, together with its key for human readers; return it as `get` would."""
        stored = _without_nan(value)
        write_sealed(self._path(key), {"key": key, "value": stored})
        return stored


def read_entry(path: Path) -> dict[str, Any]:
    """An entry's key and value.

    Raises:
        DamagedError: if its content does not match its name.
    """
    entry = read_sealed(path)
    if entry.keys() != {"key", "value"} or path.stem != digest(entry["key"]):
        raise DamagedError(path, "is damaged: its key does not match its name")
    return entry


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; a null becomes NaN again in the table's float columns."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
