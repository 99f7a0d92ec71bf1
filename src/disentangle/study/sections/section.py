"""What all sections of a study file share."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from disentangle.study.token_counts import parse_count

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


LONGEST_NAME = 100
"""Letters: names are joined to names of files, which may have 255."""


def _safe_name(value: str) -> str:
    if len(value) > LONGEST_NAME:
        raise ValueError(f"has {len(value)} letters; {LONGEST_NAME} are the most")
    if not SAFE_NAME.fullmatch(value):
        raise ValueError("use letters, digits, '.', '_' and '-' only: it becomes a folder name")
    return value


Name = Annotated[str, AfterValidator(_safe_name)]
"""A name that becomes a file or folder name."""


Spelled = Annotated[str, Field(pattern=r"^\s*\d+(\.\d+)?\s*[kKMBT]?\s*$")]
"""A count as people write it."""

Quantity = Annotated[
    int,
    BeforeValidator(parse_count, json_schema_input_type=int | Spelled),
    Field(gt=0, le=10**15),
]
"""A positive whole number, also spelled 262k, 8B, 1.5M (powers of ten). The bound is a
hundred times all text there is."""


Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""Of NumPy's generators, which take no larger one."""


Fraction = Annotated[float, Field(ge=0, le=1)]


Beta = Annotated[float, Field(ge=0, lt=1)]
"""A decay rate of AdamW's moments."""


def _without_dropped(value: object) -> object:
    """A study laid over another drops an entry of a mapping by setting it to null."""
    if isinstance(value, dict):
        return {key: entry for key, entry in value.items() if entry is not None}
    return value


DropsNull = BeforeValidator(_without_dropped)


def repeated(names: Iterable[str]) -> list[str]:
    """Names that are there twice, or differ in case alone: some file systems take them for one."""
    seen = Counter(name.casefold() for name in names)
    return sorted({name for name in names if seen[name.casefold()] > 1})


def distinct(value: Collection[str]) -> Any:
    """Check that no two names are one on any file system.

    Raises:
        ValueError: naming those that are.
    """
    if same := repeated(value):
        raise ValueError(f"{', '.join(same)}: twice, or different in case alone")
    return value


def each_once(value: list[Any]) -> list[Any]:
    """Check that a list names nothing twice.

    Raises:
        ValueError: if it does.
    """
    if len(set(value)) < len(value):
        raise ValueError("each once")
    return value


class Section(BaseModel):
    """A part of the study file: unknown keys are faults, values do not change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        """Python counts true as 1; who writes it in a study file means something else."""
        kind = cls.model_fields[info.field_name or ""].annotation
        truths = kind in (bool, bool | None)
        values = value if isinstance(value, list) else [value]
        if not truths and any(isinstance(one, bool) for one in values):
            raise ValueError("is true or false, where a value is meant")
        return value
