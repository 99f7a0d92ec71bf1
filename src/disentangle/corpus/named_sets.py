"""Text sets by name, such as `set:pile-10k@REVISION`: where the hub has the paper's domains.

Repositories, folders and columns come from dataset cards and published code (2023 to 2026). None
was opened to check them. Warming fails if a revision has no files that match `files`, and reading
fails if they lack `column`; both errors name the set.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class NamedSet:
    """Where to find a set of text."""

    repo: str
    """Dataset on the hub."""
    files: tuple[str, ...]
    """Patterns of the files to take; a configuration and its split are a folder of files."""
    column: str
    """Which column or key holds the text."""
    holds: str
    licence: str
    gate: str | None = None
    """What users must agree to before they can read files; None if nothing."""


_PALOMA_GATE = "the AI2 ImpACT low-risk agreement; access is granted as soon as it is accepted"

NAMED_SETS = {
    "pile": NamedSet(
        "monology/pile-uncopyrighted",
        ("train/*.jsonl.zst",),
        "text",
        "the Pile (Gao et al. 2020) without the parts withdrawn over copyright, 30 files",
        "mixed, as its parts; see the card",
    ),
    "pile-10k": NamedSet(
        "NeelNanda/pile-10k",
        ("data/*.parquet",),
        "text",
        "the first 10 000 documents of the Pile: its training text, so models have met them",
        "as the Pile's parts",
    ),
    "dolma-100": NamedSet(
        "allenai/paloma",
        ("dolma_100_programing_languages/val/*.jsonl.gz",),
        "text",
        "source code in 100 languages (Dolma's code, in Paloma; Magnusson et al. 2023)",
        "AI2 ImpACT low risk",
        _PALOMA_GATE,
    ),
    "paloma": NamedSet(
        "allenai/paloma",
        ("*/val/*.jsonl.gz",),
        "text",
        "validation text of all of Paloma's sources, dolma-100 among them",
        "AI2 ImpACT low risk, and those of its sources",
        _PALOMA_GATE,
    ),
    "starcoder-python": NamedSet(
        "bigcode/starcoderdata",
        ("python/*.parquet",),
        "content",
        "the Python files StarCoder was trained on (Li et al. 2023)",
        "permissive licences, each file its own",
        "the terms of use of The Stack",
    ),
    "openwebmath": NamedSet(
        "open-web-math/open-web-math",
        ("data/*.parquet",),
        "text",
        "mathematical web pages (Paster et al. 2023)",
        "ODC-By 1.0",
    ),
}
