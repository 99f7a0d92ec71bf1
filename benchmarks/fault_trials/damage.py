"""Ways in which a file is damaged."""

import random
from collections.abc import Callable

Damage = Callable[[bytes, random.Random], bytes]


def flip(content: bytes, chance: random.Random) -> bytes:
    """One bit of one byte changed."""
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(content: bytes, chance: random.Random) -> bytes:
    """Cut off anywhere."""
    return content[: chance.randrange(len(content))]


def empty(content: bytes, chance: random.Random) -> bytes:
    """Nothing left."""
    return b""


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A stretch of zeros, as a disk leaves behind that lost power."""
    start = chance.randrange(len(content))
    length = min(chance.randrange(1, 4097), len(content) - start)
    return content[:start] + bytes(length) + content[start + length :]


WAYS: dict[str, Damage] = {"a bit flipped in": flip, "cut short:": cut, "emptied:": empty}
WAYS |= {"zeros in": zeroed}
