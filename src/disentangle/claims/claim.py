"""A claim, and the tests that decide it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from disentangle.claims.rule import Rule
from disentangle.statistics.estimate import Estimate

Evidence = TypeVar("Evidence")
"""What a ledger's tests estimate from."""


@dataclass(frozen=True)
class Part:
    """One test: the estimate, its source, and the rule that judges it."""

    part: str
    estimate: Estimate
    rule: Rule
    table: str
    filter: str
    """The table's rows behind the estimate, as a pandas query."""
    decides: bool = True
    """Whether it counts towards the claim's verdict; otherwise it is only shown."""


@dataclass(frozen=True)
class Claim(Generic[Evidence]):
    """A finding of a paper."""

    number: int
    statement: str
    parts: Callable[[Evidence], Iterator[Part]]
    source: str = "Kulkarni et al. (arXiv 2602.20433)"
    """The paper."""
