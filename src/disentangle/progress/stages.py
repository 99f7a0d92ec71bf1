"""The stages of a study, and the rules of each."""

STAGES: dict[str, tuple[str, ...]] = {
    "corpus": (
        *("warm", "gather_documents", "gather_passages", "gather_target", "train_tokenizer"),
        *("take_tokenizer", "tokenize", "tokenize_target", "tokenize_shard", "join_shards"),
        *("find_overlap", "measure_leakage"),
    ),
    "train": ("pretrain", "import_checkpoint"),
    "perturb": ("quantize", "finetune", "compress", "operate", "recover"),
    "geometry": (
        *("measure_geometry", "compare_layers", "measure_matrices", "measure_gradients"),
        *("measure_surgery",),
    ),
    "evaluate": ("evaluate_checkpoints", "follow_tokens"),
    "tables": (
        *("collect", "collect_layers", "collect_matrices", "collect_gradients"),
        *("collect_surgery", "take_observations", "simulate", "analyze", "judge_neighbours"),
        *("analyze_experiment",),
    ),
    "report": ("draw_figures", "write_report", "archive"),
}
"""Stage to its rules, in the order in which a study reaches them."""

STAGE_OF = {rule: stage for stage, rules in STAGES.items() for rule in rules}
"""Rule to its stage. Rules that only collect others' files for a target have none."""
