"""The study that the configuration describes, and the location of its results."""

import os
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from disentangle.archive.code import scripts_of, state_of
from disentangle.corpus.hub_text import HUB_KINDS
from disentangle.errors import StudyError
from disentangle.hub import ON_HUB
from disentangle.outputs import damage_in_words, damaged_files
from disentangle.planning.request_table import requests_of_jobs
from disentangle.provenance import code_hash
from disentangle.study import read_config
from disentangle.study.file import read_mappings
from disentangle.study.resource_requests import ResourceRequests
from disentangle.study.results_folder import KIND_OF, StudyFolder
from disentangle.study.findings import neighbouring_tables, tables_of_findings
from disentangle.study.jobs import ANALYZED, EXPERIMENT, Jobs
from disentangle.study.settings import plain
from disentangle.study.specs.of_study import ONLY, specs_of
from disentangle.study.start import Start
from disentangle.study.runnable import refuse_unrunnable

# Settings of --config that are not part of the study: an archive to verify, and whether a workflow
# with uncommitted changes may be archived. `archive` is also a section of the study.
VERIFIED = config.pop("archive") if isinstance(config.get("archive"), str) else None
ALLOW_UNCOMMITTED = bool(config.pop("allow_uncommitted", False))

# relative, so that a moved or copied study has the same inputs
CONFIG_FILES = [os.path.relpath(path) for path in workflow.configfiles]

try:
    if workflow.is_main_process:
        # Snakemake lists its main file last
        read_mappings(list(map(Path, [CONFIG_FILES[-1], *CONFIG_FILES[:-1]])))
    STUDY = read_config(config, " + ".join(CONFIG_FILES))
except StudyError as fault:
    raise WorkflowError(str(fault)) from None


FOLDER = StudyFolder.of(STUDY.study)
if workflow.is_main_process:
    # for a display of the progress, which knows no study; Snakemake's own shows nothing of it
    logger.info(None, extra={"results": str(FOLDER.path)})
JOBS = Jobs(STUDY)
REQUESTS = ResourceRequests(JOBS)
RUNS, COHORTS, EXTERNAL = JOBS.runs, JOBS.cohorts, JOBS.external
MEASURED, DOMAINS = JOBS.measured, JOBS.domains

# passages of all held-out domains, and of those on which H is measured
HELDOUT = {domain: FOLDER.heldout(domain) for domain in DOMAINS}
HELDOUT_OF_H = {domain: FOLDER.heldout(domain) for domain in JOBS.domains_of_h}

# Tables that only some studies request
LAYERS = [FOLDER.table("layers")] if STUDY.geometry.layers else []
MATRICES = [FOLDER.table("matrices")] if STUDY.geometry.matrices == "all" else []
TOKEN_TRENDS = (
    expand(FOLDER.measured("token_trends"), cohort=MEASURED)
    if STUDY.evaluation.token_trends
    else []
)
GRADIENTS = [FOLDER.table("gradients")] if STUDY.geometry.gradients else []

# the files that represent the results of the perturbed runs of a cohort
PERTURBED = [FOLDER.perturbation(KIND_OF[rule]) for rule in JOBS.perturbations]

if workflow.is_main_process:
    try:
        refuse_unrunnable(JOBS, FOLDER.path, workflow.global_resources)
    except StudyError as fault:
        raise WorkflowError(f"{' + '.join(CONFIG_FILES)}:\n{fault}") from None


wildcard_constraints:
    cohort=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    domain=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    target=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    shard=r"\d+",


def code_of(script):
    """Hash of a script's code and its dependencies; see disentangle.provenance."""
    return code_hash(Path(workflow.basedir, "workflow", "scripts", script))


def spec_of(rule, job=ONLY):
    """The spec of a rule's job, as its input; wildcards in `job` stay wildcards."""
    return FOLDER.spec(rule, job)


def one_of(names):
    """A wildcard pattern that matches exactly these names."""
    return "|".join(map(re.escape, names)) or "(?!)"


def perturbed_of(wildcards):
    """The files that represent the perturbed checkpoints of a cohort."""
    paths = PERTURBED if wildcards.cohort in JOBS.perturbed else []
    return expand(paths, cohort=wildcards.cohort)


def late_text_of(wildcards):
    """The text that runs of a cohort read after a late change, by target."""
    targets = JOBS.late_targets.get(wildcards.cohort, [])
    texts = {
        f"{target}_text": ancient(FOLDER.tokens(f"targets/{target}"))
        for target in targets
    }
    manifests = [FOLDER.tokens_manifest(f"targets/{target}") for target in targets]
    return texts | {"late_manifests": manifests}


def warmed_for(*spelled):
    """The output of `warm`, as input of a job that reads from the hub.

    Revisions are in the job's spec, so the file's time does not matter.
    """
    on_hub = any(name.startswith((*HUB_KINDS, ON_HUB)) for name in spelled)
    return {"hub": ancient(FOLDER.hub)} if on_hub else {}


def warmed_for_domain(wildcards):
    """The same, for a held-out domain."""
    return warmed_for(STUDY.corpus.heldout[wildcards.domain].source)


def warmed_for_target(wildcards):
    """The same, for the text of a fine-tuning target."""
    domain = STUDY.perturbation.finetune[wildcards.target].domain
    return warmed_for(STUDY.corpus.heldout[domain].source)


def warmed_for_external(wildcards):
    """The same, for an external model."""
    return warmed_for(EXTERNAL[wildcards.cohort].source)


# Called after all rules are read.


def requests_of_all(wildcards):
    """The resources of each job of a cohort."""
    return requests_of_jobs(workflow, JOBS)


def all_scripts(wildcards):
    """Every rule's script."""
    return scripts_of(workflow)


def code_state(wildcards):
    """Identifies the state of the workflow's files, so that a changed one is archived again."""
    return state_of(Path(workflow.basedir))
