"""A spec: what one job is to do, in a file that the job reads and nothing else of the study.

A spec is written anew only if it differs, so a job is planned again exactly if what it reads has
changed: see `study.start`.
"""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from disentangle.storage import DamagedError, read_json
from disentangle.study.settings import plain

AGAIN = "again"
"""Key, in a spec's file, of when it was written for its job to run once more, in nanoseconds."""


class Spec(BaseModel):
    """What one job is to do. Where files are and how fast a job runs is no part of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str | None = None
    """Hash of the code that does it; None where other code is no reason to do it again."""

    def to_json(self) -> dict[str, Any]:
        """As plain data, keys in one order."""
        return plain(self)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the spec that a job was given.

        Raises:
            DamagedError: if it is none of this kind.
        """
        content = read_json(Path(path))
        try:
            return cls.model_validate({key: content[key] for key in content if key != AGAIN})
        except (TypeError, ValidationError) as error:
            raise DamagedError(Path(path), f"is no spec of a job: {error}") from error
