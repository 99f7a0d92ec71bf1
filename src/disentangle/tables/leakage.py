"""The table of how much held-out text is in the training text; it depends on no metric."""

from disentangle.tables.table import COUNT, NUMBER, TEXT, Table

LEAKAGE = Table(
    "leakage",
    "One row per held-out domain: how much of it occurs in the training text.",
    (
        ("domain", TEXT, "Held-out domain"),
        ("passages", COUNT, "Passages"),
        ("characters", COUNT, "Characters"),
        ("ngrams", COUNT, "Word 13-grams (lower case, punctuation dropped)"),
        ("ngrams_in_train", COUNT, "Of these, how many occur in the training text"),
        ("ngram_overlap", NUMBER, "Share of n-grams that occur in the training text"),
        ("passage_overlap", NUMBER, "Share of passages with at least one such n-gram"),
    ),
)
