"""The page that an archive begins with."""

from collections.abc import Mapping
from typing import Any

PAGE = """\
# Archive of the study {study}

Made by the workflow in this folder, {state}.

    python verify.py    # is every file what the archive says? Python 3.11 is all it needs
    make resume         # installs the workflow here, and runs what is missing: nothing, as it is

`results/{study}/report.html` is the report; `results/{study}/tables/` has the numbers behind it,
and docs/tables.md every column. `ro-crate-metadata.json` says what made which file, of what and
when (RO-Crate, profile Provenance Run Crate). {contents}

A verify.py out of an archive vouches for itself only. To check an archive that somebody gave you,
use a clone of the workflow at the commit above, which also computes the tables again:

    snakemake verify --cores 2 --config archive=FILE.crate.zip

docs/archive.md tells what that shows and what not, and how to run parts of the study again.
"""


def readme(facts: Mapping[str, Any]) -> str:
    """Write an archive's first page.

    Args:
        facts: what the archive says of itself.
    """
    state = f"commit {facts['commit']}"
    if facts["uncommitted"]:
        state += ", with changes that were not committed: " + ", ".join(facts["uncommitted"])
    weights = {
        "none": "No weights are in it",
        "final": "Weights are in it of each run's last checkpoint",
        "all": "All weights are in it",
    }[facts["weights"]]
    text = "with the text as it was used" if facts["corpus"] else "without the text, by its recipe"
    left_out = f"; {len(facts['left_out'])} files stand in archive.json by their hashes"
    return PAGE.format(study=facts["study"], state=state, contents=f"{weights}, {text}{left_out}.")
