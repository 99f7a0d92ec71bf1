"""What neighbouring papers found, looked for in a suite's own tables: one module per finding.

Each module has a function `tables_of(suite)` from `Suite` to its tables. The claims that are judged
from them are in `claims/neighbours/`, one module per finding too.
"""

from collections.abc import Callable

import pandas as pd

from disentangle.neighbours import (
    compression,
    convergence,
    matched_loss,
    plasticity,
    scaling,
    text_noise,
    token_trends,
)
from disentangle.neighbours.suite import Suite

ANALYSES: dict[str, Callable[[Suite], dict[str, pd.DataFrame]]] = {
    "convergence": convergence.tables_of,
    "matched_loss": matched_loss.tables_of,
    "token_trends": token_trends.tables_of,
    "plasticity": plasticity.tables_of,
    "compression": compression.tables_of,
    "text_noise": text_noise.tables_of,
    "scaling": scaling.tables_of,
}
"""A finding of `study.findings` to what makes its tables."""
