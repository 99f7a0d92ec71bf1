"""One of several equal parts of a source; each part is read by one job."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True)
class Part:
    """Part `index` of `of`."""

    index: int
    of: int

    def of_documents(self, documents: Iterable[str]) -> Iterator[str]:
        """Every `of`-th document, starting with number `index`."""
        return islice(documents, self.index, None, self.of)


WHOLE = Part(0, 1)
