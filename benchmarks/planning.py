"""What planning costs: dry runs of the default study, of 108 runs, of 1000 x 50 checkpoints.

python benchmarks/planning.py
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SIZES = [{"name": f"S{i}", "d_model": 64 * (i + 1), "n_layers": 2, "n_heads": 2} for i in range(10)]


def study(sizes: int, configurations: int, checkpoints: int) -> dict[str, Any]:
    """An overlay with sizes x configurations runs."""
    return {
        "study": "planned",
        "sizes": SIZES[:sizes],
        "design": {
            "base": {"tokens": "1B"},
            "sweeps": [{"seed": list(range(1, configurations))}],
        },
        "save": {"count": checkpoints, "first": 0.001},
    }


def plan(overlay: dict[str, Any] | None) -> tuple[float, float, int]:
    """CPU-seconds and peak MB of a dry run, and the jobs it plans."""
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("snakemake"), "-n", "--quiet", "rules"]
        command += ["--snakefile", ROOT / "Snakefile", "--directory", folder]
        (Path(folder) / "config.yaml").write_text((ROOT / "config.yaml").read_text())
        if overlay:
            path = Path(folder) / "overlay.yaml"
            path.write_text(yaml.safe_dump(overlay))
            command += ["--configfile", path]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    total = next(line for line in done.stdout.splitlines() if line.startswith("total"))
    return cpu, after.ru_maxrss / 1024, int(total.split()[1])


def main() -> None:
    """Print one line a study, smallest first, since peak memory is that of the largest so far."""
    for name, overlay in {
        "default study, 18 runs x 5": None,
        "108 runs x 20": study(6, 18, 20),
        "1000 runs x 50": study(10, 100, 50),
    }.items():
        cpu, megabytes, jobs = plan(overlay)
        print(f"{name:28} {jobs:5} jobs  {cpu:5.1f} CPU-s  {megabytes:4.0f} MB")


if __name__ == "__main__":
    main()
