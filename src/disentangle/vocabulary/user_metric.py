"""A user's own metric, as stored in specs; `geometry.user_metric` reads and runs it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class UserMetric(BaseModel):
    """The description of a metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spelled: str
    """`file.py:function`, as in the study file."""
    takes: Literal["matrix", "singular_values"]
    meaning: str
    """The first line of its docstring."""
    code: str
    """Hash of its file, of the code that reads matrices, and of the libraries."""

    @property
    def name(self) -> str:
        """Name of the function and of its column."""
        return self.spelled.rpartition(":")[2]
