"""Sections of a study file, and specs of jobs, as plain data."""

from typing import Any

from pydantic import BaseModel


def plain(section: BaseModel, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Plain numbers, strings, lists and dictionaries, which the section's class can read back.

    The keys of mappings are sorted, so their order in a study file makes no difference.

    Args:
        section: the section, a whole study, or a spec.
        without: keys to leave out.
    """
    return _in_order(section.model_dump(mode="json", exclude=set(without)))


def _in_order(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _in_order(data[key]) for key in sorted(data)}
    return [_in_order(item) for item in data] if isinstance(data, list) else data
