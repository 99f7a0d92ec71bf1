"""Findings of neighbouring papers on the same kind of models, each with the rule that decides it.

The rules were written down before any study was judged by them. Numbers are fixed for good: claims
1 and 2 are of convergence, 3 and 4 of matched loss, 5 of token trends, 6 to 9 of plasticity, 10 to
14 of compression, 15 to 17 of noise in the text, 20 to 24 of observational scaling.
"""

from disentangle.claims.claim import Claim
from disentangle.claims.neighbours import (
    compression,
    convergence,
    matched_loss,
    plasticity,
    scaling,
    text_noise,
    token_trends,
)
from disentangle.claims.neighbours.evidence import Findings

NEIGHBOURING_CLAIMS: dict[str, tuple[Claim[Findings], ...]] = {
    "convergence": convergence.CLAIMS,
    "matched_loss": matched_loss.CLAIMS,
    "token_trends": token_trends.CLAIMS,
    "plasticity": plasticity.CLAIMS,
    "compression": compression.CLAIMS,
    "text_noise": text_noise.CLAIMS,
    "scaling": scaling.CLAIMS,
}
"""A finding to its claims, in the order of their numbers."""
