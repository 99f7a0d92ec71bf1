"""The study that the configuration describes, and where its results are."""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from disentangle.errors import StudyError
from disentangle.provenance import code_hash
from disentangle.study import expand as expand_study
from disentangle.study import read_config
from disentangle.study.settings import plain

CONFIG_FILES = [str(path) for path in workflow.configfiles]

try:
    STUDY = read_config(config, " + ".join(CONFIG_FILES))
except StudyError as fault:
    raise WorkflowError(str(fault)) from None

RUNS = {run.name: run for run in expand_study(STUDY)}

# sorted, so that the order in which a study file lists them reruns nothing
DOMAINS = sorted(STUDY.corpus.heldout)

H_DOMAINS = sorted(set(STUDY.geometry.representations.domains))

THREADS = STUDY.execution.threads


wildcard_constraints:
    run=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    domain=r"[A-Za-z0-9][A-Za-z0-9._-]*",


def results(path):
    """A path in the study's folder; wildcards in it stay wildcards."""
    return f"results/{STUDY.study}/{path}"


def code_of(script):
    """Hash of a script's logic and of all it uses; see disentangle.provenance."""
    return code_hash(Path(workflow.basedir, "workflow", "scripts", script))


def run_of(wildcards):
    """The run a job is for, as plain data."""
    return RUNS[wildcards.run].to_json()


def heldout_of(wildcards):
    """The held-out domain a job is for, as plain data."""
    return plain(STUDY.corpus.heldout[wildcards.domain])
