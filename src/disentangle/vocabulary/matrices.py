"""The matrices of a checkpoint that are measured, and how columns are named after them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A matrix of a checkpoint."""

    name: str
    """In the column `matrix` and at the beginning of columns of the observations."""
    label: str
    """For readers."""
    meaning: str
    by_domain: bool
    """Whether there is one for each held-out domain on which representations are read."""
    centered_too: bool
    """Whether it is also measured without its column means; the others have none to subtract."""


W = Kind("W", "W", "the unembedding", by_domain=False, centered_too=True)
H = Kind("H", "H", "final-layer representations", by_domain=True, centered_too=True)
PROJECTED = Kind(
    "Wproj",
    "W, projected",
    "W times the last norm's gain, without what softmax and the last norm ignore",
    by_domain=False,
    centered_too=False,
)
FISHER = Kind(
    "Wfisher",
    "W, Fisher",
    "a root of the Fisher information of the head's input, tokens weighted by frequency",
    by_domain=True,
    centered_too=False,
)
LOGIT = Kind(
    "Wlogit",
    "logits",
    "W times a root of the covariance of H: the logits, without their means",
    by_domain=True,
    centered_too=False,
)

KINDS = (W, H, PROJECTED, FISHER, LOGIT)
"""The last three are fixed by the model's function; see `geometry.function_level`."""

FUNCTION_LEVEL = (PROJECTED, FISHER, LOGIT)

BY_NAME = {kind.name: kind for kind in KINDS}

PREFIXES = tuple(f"{kind.name}_" for kind in KINDS)


def places(domains: list[str]) -> list[tuple[Kind, str]]:
    """The matrices of one checkpoint, each with its domain; "" for one that has none."""
    return [(kind, domain) for kind in KINDS for domain in (domains if kind.by_domain else [""])]
