"""Token counts as people write them: 262k, 8B, 1.5M."""

import re
from decimal import Decimal

_POWERS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_SPELLING = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMBT]?)")


def parse_count(value: object) -> object:
    """Read '8B' as 8 000 000 000; values that are not strings are returned unchanged.

    Raises:
        ValueError: for a string that is not a number with or without a suffix, and for one that
            is not a whole number (1.5 without a suffix).
    """
    if not isinstance(value, str):
        return value
    match = _SPELLING.fullmatch(value.strip())
    if not match:
        raise ValueError("write a number, or a number with k, M, B or T")
    number, suffix = match.groups()
    quantity = Decimal(number) * _POWERS[suffix]  # in floats 8.05 * 1000 is no whole number
    if quantity != int(quantity):
        raise ValueError("must be a whole number")
    return int(quantity)


def spell_count(value: int) -> str:
    """Write a count shortly and without loss: 8B, 262144, 1.5M.

    >>> spell_count(8_000_000_000), spell_count(262_144), spell_count(1_500_000)
    ('8B', '262144', '1.5M')
    """
    for suffix in ("T", "B", "M", "k"):
        scaled = f"{value / _POWERS[suffix]:g}"  # rounded to six digits
        if value >= _POWERS[suffix] and len(scaled) <= 4 and parse_count(scaled + suffix) == value:
            return scaled + suffix
    return str(value)
