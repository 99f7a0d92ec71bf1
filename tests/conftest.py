"""What all tests share: one thread, no network, a study too small to matter."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

# how fast a machine is, is no property of the code
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

ROOT = Path(__file__).parent.parent


def deep_update(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another, as Snakemake does with --configfile."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = deep_update(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


@pytest.fixture(scope="session")
def default_config() -> dict[str, Any]:
    """The default study file."""
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture(scope="session")
def sample_config() -> dict[str, Any]:
    """A study to expand, change and break."""
    return yaml.safe_load((ROOT / "tests" / "sample.yaml").read_text())


@pytest.fixture(scope="session")
def tiny_config(default_config: dict[str, Any]) -> dict[str, Any]:
    """The default study with everything made tiny."""
    tiny = yaml.safe_load((ROOT / "tests" / "tiny.yaml").read_text())
    return deep_update(default_config, tiny)


@pytest.fixture(scope="session")
def paper_config(default_config: dict[str, Any]) -> dict[str, Any]:
    """The paper's study, laid over the default."""
    paper = yaml.safe_load((ROOT / "studies" / "paper.yaml").read_text())
    return deep_update(default_config, paper)
