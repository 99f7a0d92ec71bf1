"""What rules ask a cluster for, read from the workflow itself, so that no rule is forgotten."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LIMIT = 47
"""Minutes: less than most rules are reckoned to take."""
LIMIT_MB = 1900
"""The same of memory."""

STUDIES: dict[str, dict[str, Any]] = {
    "of gathered text": {},
    "of shards and a named tokenizer": {
        "corpus": {"shards": 2, "limit": "40k"},
        "tokenizer": {"name": "allenai_gpt-neox-olmo-dolma-v1_5", "vocab_size": 50280},
    },
    "of models from elsewhere": {
        "checkpoints": {"mine": {"source": "model", "revisions": {7: "."}}}
    },
    "of observations": {
        "observations": {"file": "suite.csv", "columns": {"run": "run"}},
    },
}

Asked = dict[str, dict[str, list[int]]]
"""Rule to quantity to what is asked for at the first attempt, and at a late one."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """What rules ask for, by study."""
    found = {}
    for name, changes in STUDIES.items():
        folder = tmp_path_factory.mktemp("study")
        (folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
        (folder / "suite.csv").touch()
        study = folder / "study.yaml"
        limits = {"max_runtime": LIMIT, "max_mem_mb": LIMIT_MB}
        changes = changes | {"study": "a", "execution": limits}
        study.write_text(yaml.safe_dump(changes))
        program = Path(__file__).with_name("rules_of_a_study.py")
        done = subprocess.run(
            [sys.executable, program, folder, study], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found[name] = json.loads(done.stdout)
    return found


def written_rules() -> set[str]:
    """Names of all rules that are jobs of a cluster, as they stand in the sources."""
    sources = [path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    sources.append((ROOT / "Snakefile").read_text())
    named = {name for text in sources for name in re.findall(r"^ *rule (\w+):", text, re.M)}
    local = [
        name
        for text in sources
        for block in re.findall(r"^localrules:\n((?:    .*\n)+)", text, re.M)
        for name in re.findall(r"\w+", block)
    ]
    return named - set(local)


@pytest.mark.parametrize(("quantity", "limit"), [("runtime", LIMIT), ("mem_mb", LIMIT_MB)])
def test_no_rule_asks_for_more_than_the_partition_has(
    asked: dict[str, Asked], quantity: str, limit: int
) -> None:
    assert set().union(*asked.values()) == written_rules()
    for rules in asked.values():
        for name, quantities in rules.items():
            first, late = quantities[quantity]
            assert first <= limit, name
            assert late == limit, f"{name} does not ask for more when it is tried again"


def test_the_profile_sends_every_rule_that_asks_for_a_gpu_where_gpus_are(
    asked: dict[str, Asked],
) -> None:
    profile = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
    with_gpu = {name for rules in asked.values() for name, each in rules.items() if each["gpu"][0]}
    assert profile["set-resources"].keys() == with_gpu
    places = list(profile["set-resources"].values())
    assert places == [places[0]] * len(places)


def test_the_site_block_says_once_where_gpu_jobs_go() -> None:
    text = (ROOT / "slurm" / "config.yaml").read_text()
    edited = text.replace("# slurm_partition: \"'gpu'\"", "slurm_partition: \"'a100'\"")
    rules = yaml.safe_load(edited)["set-resources"].values()
    assert {rule["slurm_partition"] for rule in rules} == {"'a100'"}


ENVIRONMENTS = """
import json, sys
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import DeploymentMethod, DeploymentSettings, OutputSettings
from snakemake.settings.types import ResourceSettings
methods = {DeploymentMethod[name] for name in sys.argv[3:]}
with SnakemakeApi(OutputSettings()) as api:
    read = api.workflow(
        resource_settings=ResourceSettings(),
        deployment_settings=DeploymentSettings(deployment_method=methods),
        snakefile=Path(sys.argv[1]),
        workdir=Path(sys.argv[2]),
    )
    rules = [rule for rule in read._workflow.rules if rule.script]
    print(json.dumps({rule.name: str(rule.conda_env or "") for rule in rules}))
"""


@pytest.mark.parametrize(("methods", "named"), [(["CONDA"], "envs/disentangle.yaml"), ([], "")])
def test_rules_name_an_environment_only_if_asked_for(
    tmp_path: Path, methods: list[str], named: str
) -> None:
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    command = [sys.executable, "-c", ENVIRONMENTS, str(ROOT / "Snakefile"), str(tmp_path)]
    done = subprocess.run([*command, *methods], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) > 15
    assert {path.removeprefix(f"{ROOT}/") for path in found.values()} == {named}
