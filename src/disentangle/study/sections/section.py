"""What all sections of a study file share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from disentangle.study.quantities import parse_quantity

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _safe_name(value: str) -> str:
    if not SAFE_NAME.fullmatch(value):
        raise ValueError("use letters, digits, '.', '_' and '-' only: it becomes a folder name")
    return value


Name = Annotated[str, AfterValidator(_safe_name)]
"""A name that becomes a file or folder name."""


Quantity = Annotated[int, BeforeValidator(parse_quantity), Field(gt=0)]
"""A positive whole number, also spelled 262k, 8B, 1.5M (powers of ten)."""


Fraction = Annotated[float, Field(ge=0, le=1)]


def _without_dropped(value: object) -> object:
    """A study laid over another drops an entry of a mapping by setting it to null."""
    if isinstance(value, dict):
        return {key: entry for key, entry in value.items() if entry is not None}
    return value


DropsNull = BeforeValidator(_without_dropped)


class Section(BaseModel):
    """A part of the study file: unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
