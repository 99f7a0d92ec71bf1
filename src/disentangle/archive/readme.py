"""The README of an archive."""

from collections.abc import Mapping
from typing import Any

PAGE = """\
# Archive of the study {study}

Made by the workflow in this folder, {state}.

    python verify.py    # checks every file against its recorded hash; needs only Python 3.11
    make resume         # installs the workflow here, and runs what is missing (now: nothing)

`results/{study}/report.html` is the report, `results/{study}/tables/` has the numbers behind it,
and docs/tables.md describes every column. `ro-crate-metadata.json` records which job made which
file, from which inputs and when (RO-Crate, profile Provenance Run Crate). {contents}

The verify.py in an archive comes from whoever made that archive. To check an archive that somebody
gave you, use a clone of the workflow at the commit above, which also recomputes the tables:

    snakemake verify --cores 2 --config archive=FILE.crate.zip

docs/archive.md explains what this check proves, and how to run parts of the study again.
"""


def readme(facts: Mapping[str, Any]) -> str:
    """The text of an archive's README.

    Args:
        facts: the content of archive.json.
    """
    state = f"commit {facts['commit']}"
    if facts["uncommitted"]:
        state += ", with changes that were not committed: " + ", ".join(facts["uncommitted"])
    weights = {
        "none": "The archive contains no weights",
        "final": "The archive contains the weights of each run's last checkpoint",
        "all": "The archive contains all weights",
    }[facts["weights"]]
    text = "and the text that was used" if facts["corpus"] else "and only the recipe of the text"
    left_out = f"; archive.json lists {len(facts['left_out'])} omitted files by hash"
    return PAGE.format(study=facts["study"], state=state, contents=f"{weights} {text}{left_out}.")
