"""A metric of the user's own, as specs hold it; `geometry.own_metric` reads and runs it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class OwnMetric(BaseModel):
    """What is known of a metric without running it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spelled: str
    """`file.py:function`, as in the study file."""
    takes: Literal["matrix", "singular_values"]
    meaning: str
    """The first line of its docstring."""
    code: str
    """Hash of its file, of what reads matrices, and of the libraries."""

    @property
    def name(self) -> str:
        """Of the function, and of its column."""
        return self.spelled.rpartition(":")[2]
