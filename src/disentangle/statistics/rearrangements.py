"""Orders of rows that keep each row in its group, for permutation tests within groups."""

from __future__ import annotations

from itertools import permutations as orders
from itertools import product

import numpy as np
from numpy.typing import NDArray

# Up to this many, all rearrangements are enumerated; otherwise some are drawn.
EXACT_UP_TO = 5000


def rearrangements(
    members: list[NDArray[np.intp]], n: int, count: int, seed: int
) -> tuple[NDArray[np.intp], bool]:
    """Orders of n rows that keep each row in its group (count x n), and whether these are all.

    Args:
        members: the rows of each group.
        n: number of rows.
        count: how many random orders to draw if there are more than `EXACT_UP_TO`.
        seed: random seed of those.
    """
    total = 1
    for rows in members:
        for k in range(2, len(rows) + 1):
            total *= k
        if total > EXACT_UP_TO:
            break
    if total <= EXACT_UP_TO:
        every = product(*(orders(rows) for rows in members))
        found = np.empty((total, n), dtype=np.intp)
        for i, choice in enumerate(every):
            for rows, order in zip(members, choice, strict=True):
                found[i, rows] = order
        return found, True
    rng = np.random.default_rng(seed)
    found = np.empty((count, n), dtype=np.intp)
    for rows in members:
        found[:, rows] = rows[np.argsort(rng.random((count, len(rows))), axis=1)]
    return found, False
