"""A spec says what one job must do. It is all that the job reads of the study.

A spec is rewritten only if it differs, so a job is planned again exactly if what it reads has
changed: see `study.start`.
"""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from disentangle.storage import DamagedError, read_json
from disentangle.study.settings import plain

AGAIN = "again"
"""Key in a spec's file: the time (ns) at which it was rewritten to run its job once more."""


class Spec(BaseModel):
    """What one job must do. Paths and speed are not part of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str | None = None
    """Hash of the code that does it; None if changed code is no reason to run the job again."""

    def to_json(self) -> dict[str, Any]:
        """As plain data, with keys in a fixed order."""
        return plain(self)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a job's spec.

        Raises:
            DamagedError: if the file is not a spec of this kind.
        """
        content = read_json(Path(path))
        try:
            return cls.model_validate({key: content[key] for key in content if key != AGAIN})
        except (TypeError, ValidationError) as error:
            raise DamagedError(Path(path), f"is no spec of a job: {error}") from error
