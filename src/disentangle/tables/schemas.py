"""Every table and every column: type, unit, meaning. `docs/tables.md` is made from this.

The meanings are also in the parquet files, as field metadata.
"""

from disentangle.tables.causal import (
    ARM_EFFECTS,
    CAUSAL_ARMS,
    CAUSAL_CALIBRATION,
    CAUSAL_CLAIM_TESTS,
    CAUSAL_CLAIMS,
    CAUSAL_READINGS,
    CAUSAL_SLOPES,
)
from disentangle.tables.collected import (
    ANOMALIES,
    CHECKPOINTS,
    COSTS,
    MISSING,
    OBSERVATIONS,
    PLAN,
    REGIME,
)
from disentangle.tables.estimated import (
    AGREEMENT,
    ASSOCIATIONS,
    CALIBRATION,
    CLAIM_TESTS,
    CLAIMS,
    COUNTEREXAMPLES,
    EFFECTS,
    NOISE,
    OVER_TRAINING,
    REGRESSIONS,
    SATURATION,
)
from disentangle.tables.evaluation import EVALUATION, PASSAGES
from disentangle.tables.geometry import GEOMETRY, GRADIENTS, LAYERS, MATRICES
from disentangle.tables.leakage import LEAKAGE
from disentangle.tables.neighbours import BY_NAME, NEIGHBOUR_TESTS, NEIGHBOURS
from disentangle.tables.surgery import SURGERY
from disentangle.tables.training import TRAINING

ALL_TABLES = (
    PLAN,
    CHECKPOINTS,
    REGIME,
    GEOMETRY,
    LAYERS,
    MATRICES,
    GRADIENTS,
    EVALUATION,
    PASSAGES,
    SURGERY,
    OBSERVATIONS,
    MISSING,
    ANOMALIES,
    ASSOCIATIONS,
    REGRESSIONS,
    SATURATION,
    CLAIMS,
    CLAIM_TESTS,
    COUNTEREXAMPLES,
    *BY_NAME.values(),
    NEIGHBOURS,
    NEIGHBOUR_TESTS,
    CAUSAL_ARMS,
    ARM_EFFECTS,
    CAUSAL_SLOPES,
    CAUSAL_CLAIMS,
    CAUSAL_CLAIM_TESTS,
    CAUSAL_READINGS,
    CAUSAL_CALIBRATION,
    AGREEMENT,
    EFFECTS,
    NOISE,
    OVER_TRAINING,
    CALIBRATION,
    LEAKAGE,
    COSTS,
    TRAINING,
)
