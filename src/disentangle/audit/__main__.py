"""Check every file of a study.

    python -m disentangle.audit [STUDY.yaml ...]

It compares all outputs of jobs with their recorded hashes, all checkpoints with their manifests,
and all manifests, measurements and tables with their own checksums. Each fault is printed with its
remedy; the exit status is 0 if there is none. Nothing is changed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from disentangle.audit.audit import audit
from disentangle.errors import StudyError, counted, listed
from disentangle.study.file import read_study


def main() -> int:
    """Entry of the command; see the module."""
    try:
        return check(sys.argv[1:])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        return 2


def check(files: Sequence[str]) -> int:
    """Compare every file of a study with its recorded hash, and print the faults.

    Returns:
        1 if there are faults; else 0.

    Raises:
        StudyError: if the files describe no study, or it has no results yet.
    """
    study = read_study([Path(path) for path in files])
    results = Path("results") / study.study
    if not results.is_dir():
        raise StudyError(f"There is no {results}: nothing of this study was made yet.")
    found = audit(results)
    if found.faults:
        print(
            f"{results}: {counted(found.faults)}\n{listed([str(fault) for fault in found.faults])}"
        )
    print(f"Checked: {found.counted}.")
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
