"""Noise in the training text: a share of its tokens is replaced, the same ones in every epoch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEED = 0
"""One text with noise for all runs, so that runs differ in nothing else."""


@dataclass(frozen=True)
class TokenNoise:
    """Replaces tokens by draws from the whole vocabulary, each token as likely as every other.

    A model can only learn the replaced ones by heart, as it can only learn wrong labels by heart.
    The tokens that a smaller share replaces are among those of a larger one, by the same draws.
    """

    share: float
    """Of the tokens; a draw may be the token itself, once in `vocabulary` times."""
    vocabulary: int
    """Tokens in use, numbered from 0."""

    def of(self, tokens: NDArray[np.int64], sequence: int) -> NDArray[np.int64]:
        """A sequence with noise.

        Args:
            tokens: shape (length,).
            sequence: its number in the training text, which alone decides what is replaced.
        """
        draws = np.random.Generator(np.random.Philox(key=[SEED, sequence]))
        replaced = draws.random(len(tokens)) < self.share
        return np.where(replaced, draws.integers(self.vocabulary, size=len(tokens)), tokens)
