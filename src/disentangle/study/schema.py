"""The JSON schema of a study file, with which editors complete and explain its keys.

    python -m disentangle.study.schema > studies/schema.json

It describes an overlay of another study: no key is required, and null drops an entry of a mapping.
What a schema cannot express (relations between keys, names that must exist) is checked when the
study is read.
"""

import json
from typing import Any

from disentangle.study.config import StudyConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema that pydantic generates, adapted to overlays."""
    relaxed: dict[str, Any] = _relaxed(StudyConfig.model_json_schema())
    return {"$schema": DIALECT, "title": "A study of Disentangle"} | relaxed


def _relaxed(part: Any) -> Any:
    if isinstance(part, list):
        return [_relaxed(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _relaxed(value) for key, value in part.items() if not _is_noise(key, value)}
    entries = kept.get("additionalProperties")
    if isinstance(entries, dict):  # a mapping whose keys the user chooses
        kept["additionalProperties"] = {"anyOf": [entries, {"type": "null"}]}
    return kept


def _is_noise(key: str, value: Any) -> bool:
    """Whether an entry is not wanted for overlays: `required`, or a title that repeats a key."""
    return key == "required" or (key == "title" and isinstance(value, str))


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2))
