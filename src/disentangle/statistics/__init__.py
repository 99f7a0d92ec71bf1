"""Is geometry associated with performance, given how the models were trained?

One row per run in, one row per outcome and metric out: `associate`. The estimators behind it are
importable one by one; each module states its formula, its assumptions and its source.
"""

from disentangle.statistics.associate import associate, regressions
from disentangle.statistics.beside_design import r2_beside_design
from disentangle.statistics.by_size import spearman_by_size
from disentangle.statistics.clustered import clustered_slope
from disentangle.statistics.estimate import Estimate
from disentangle.statistics.increment import incremental_r2
from disentangle.statistics.mixed import mixed_effect, mixed_effect_by_run
from disentangle.statistics.multiplicity import benjamini_hochberg
from disentangle.statistics.partial import partial_spearman
from disentangle.statistics.power import detectable_rho, power_statement
from disentangle.statistics.residual import residual_spearman
from disentangle.statistics.spearman import spearman
from disentangle.statistics.within import within_spearman

__all__ = [
    "Estimate",
    "associate",
    "benjamini_hochberg",
    "clustered_slope",
    "detectable_rho",
    "incremental_r2",
    "mixed_effect",
    "mixed_effect_by_run",
    "partial_spearman",
    "power_statement",
    "r2_beside_design",
    "regressions",
    "residual_spearman",
    "spearman",
    "spearman_by_size",
    "within_spearman",
]
