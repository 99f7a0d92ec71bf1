"""Findings of neighbouring papers that a study's data allow to look for, and their tables."""

from disentangle.study.config import StudyConfig
from disentangle.study.perturbation import compressions

TABLES = {
    "convergence": ("convergence",),
    "matched_loss": ("matched", "matched_effects"),
    "token_trends": ("token_trends",),
    "plasticity": ("plasticity", "order_inversions"),
    "compression": ("compressed", "compression", "chosen_truncations"),
    "text_noise": ("text_noise",),
    "scaling": ("scaling_components", "scaling_predictions"),
}
"""Finding to the tables that are made for it."""

JUDGED = ("neighbours", "neighbour_tests")
"""The ledger of these findings."""


def findings_of(study: StudyConfig) -> list[str]:
    """The findings that a study looks for: those of its data, if it asks for any."""
    allowed = {
        "convergence": study.geometry.layers,
        "matched_loss": True,
        "token_trends": study.evaluation.token_trends,
        # losses of single passages choose the best fine-tuning, and tables of others lack them
        "plasticity": bool(study.perturbation.finetune) and not study.observations,
        "compression": bool(study.perturbation.quantize or compressions(study.perturbation)),
        "text_noise": bool(
            study.design.base.token_noise or any(s.token_noise for s in study.design.sweeps)
        ),
        "scaling": bool(study.observations or study.evaluation.tasks),
    }
    return [name for name, has in allowed.items() if has and study.neighbours]


def tables_of_findings(study: StudyConfig) -> list[str]:
    """The tables that are made for these findings."""
    return [table for name in findings_of(study) for table in TABLES[name]]


def neighbouring_tables(study: StudyConfig) -> tuple[str, ...]:
    """The same, and their ledger."""
    found = tables_of_findings(study)
    return (*found, *JUDGED) if found else ()
