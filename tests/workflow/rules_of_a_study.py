"""Print what a cluster is asked for by every rule of a study: rules_of_a_study.py FOLDER STUDY.yaml

As JSON, at the first attempt and at a late one. A program of its own, since a process can read only
one workflow.
"""

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

ROOT = Path(__file__).parents[2]
LATE = 12
"""An attempt whose times and memory, more at each, are beyond any limit."""


class First(dict):
    """Wildcards of a job: a run, a domain, a target or a shard, the first that there is."""

    __getattr__ = dict.__getitem__


def main(folder: Path, study: Path) -> None:
    with SnakemakeApi(OutputSettings()) as api:
        read = api.workflow(
            resource_settings=ResourceSettings(),
            config_settings=ConfigSettings(configfiles=[study]),
            snakefile=ROOT / "Snakefile",
            workdir=folder,
        )
        workflow = read._workflow
        cohorts = workflow.globals["MEASURED"]
        first = First(cohort=cohorts[0] if cohorts else "")
        found = {}
        for rule in workflow.rules:
            if rule.name in workflow._localrules or rule.norun:
                continue
            if "cohort" in rule.wildcard_names and not cohorts:
                continue
            asked = [rule.expand_resources(first, [], n, {"tmpdir"}) for n in (1, LATE)]
            found[rule.name] = {
                quantity: [each.get(quantity) for each in asked]
                for quantity in ("gpu", "runtime", "mem_mb")
            }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).absolute())
