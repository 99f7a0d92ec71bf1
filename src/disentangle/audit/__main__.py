"""Check every file of a study.

    python -m disentangle.audit [STUDY.yaml ...]

Compared are all outputs of jobs with the hashes that their jobs recorded, all checkpoints with
their manifests, all manifests, measurements and tables with their own check sums. Each fault is
told with what to do for it; the exit status is 0 if there is none. Nothing is changed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from disentangle.audit.audit import audit
from disentangle.errors import StudyError, counted, listed
from disentangle.study.file import read_study


def main() -> int:
    """Check what the command line names; see the module."""
    try:
        return check(sys.argv[1:])
    except StudyError as fault:
        print(fault, file=sys.stderr)
        return 2


def check(files: Sequence[str]) -> int:
    """Compare every file of the study that files describe with the hashes in it.

    Returns:
        1 if there are faults, which are printed; else 0.

    Raises:
        StudyError: if the files describe no study, or nothing of it was made.
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
