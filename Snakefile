# Disentangle: does the geometry of a model's weights tell how good it is?
#
#   text -> tokenizer -> tokens -> runs -> checkpoints -> geometry, evaluation -> tables -> report
#
# or, where others trained and measured:  a file of observations -> tables -> report
#
# Named targets: all (default), plan, train, perturb, geometry, evaluate, calibrate, tables, report,
# archive, verify.

from snakemake.utils import min_version
from snakemake_interface_executor_plugins.settings import DeploymentMethod

min_version("9.27")


configfile: "config.yaml"


include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        FOLDER.report,
        MATRICES,
        GRADIENTS,


include: "workflow/rules/corpus.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/import.smk"
include: "workflow/rules/geometry.smk"
include: "workflow/rules/perturb.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/observe.smk" if STUDY.observations else "workflow/rules/collect.smk"
include: "workflow/rules/analyze.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/archive.smk"
include: "workflow/rules/start.smk"


localrules:
    all,
    train,
    geometry,
    perturb,
    evaluate,
    tables,
    report,
    plan,
    calibrate,
    verify,


rule train:
    input:
        expand(FOLDER.trained(), cohort=MEASURED),


rule geometry:
    input:
        expand(FOLDER.measured("geometry"), cohort=MEASURED),
        LAYERS,
        MATRICES,
        GRADIENTS,


rule perturb:
    input:
        expand(PERTURBED, cohort=JOBS.perturbed),


rule evaluate:
    input:
        expand(FOLDER.measured("evaluation"), cohort=MEASURED),


rule tables:
    input:
        expand(FOLDER.table("{table}"), table=JOBS.tables),
        LAYERS,
        MATRICES,
        GRADIENTS,


# An environment of their own only if asked for: a rule that names one cannot be archived without
# conda. The package is taken from here then, being no part of that environment.
if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
    os.environ.update(PYTHONPATH=str(Path(workflow.basedir, "src")))
    for each in workflow.rules:
        if each.script:
            each.conda_env = str(Path(workflow.basedir, "envs", "disentangle.yaml"))
