"""What becomes of a study that is killed, damaged, misspelled or forged, by chance.

python benchmarks/faults.py [--each 100] [--seed 0] [--only kills ...] [--folder DIR]

Prints a row a kind of fault: how many were tried, noticed, recovered from, refused, harmless, and
lost; and every one that was lost, with the end of what was said. It takes hours for 100 of each,
most of them for the kills. docs/reliability.md has the table.
"""

import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fault_trials import (
    archives,
    damaged_checkpoints,
    damaged_files,
    full_disks,
    kills,
    study_files,
)
from fault_trials.trial import HEADER, line_of

KINDS = {
    "kills": kills,
    "files": damaged_files,
    "full-disks": full_disks,
    "checkpoints": damaged_checkpoints,
    "study-files": study_files,
    "archives": archives,
}


def main() -> None:
    """Try each kind of fault; see the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--folder", type=Path, default=Path("results/faults"))
    given = parser.parse_args()
    folder = given.folder.absolute()
    rows = [f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    for kind in given.only:
        found = []
        for trial in KINDS[kind].trials(given.each, random.Random(f"{given.seed} {kind}"), folder):
            found.append(trial)
            print(f"{kind} {len(found)}: {trial.fault}: {trial.outcome}", flush=True)
            if trial.outcome == "lost":
                print(trial.said, flush=True)
        rows.append(line_of(kind, found))
        print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
