# Before any job: the specs of all jobs are written, damaged outputs set aside; dry runs restore the
# files when they end. See disentangle.study.start.

import atexit

# targets that run no job that has a spec
LOOKING = {"plan", "verify"}

if workflow.is_main_process:
    try:
        # absolute, since Snakemake leaves its folder before the end
        START = Start(
            FOLDER.path.absolute(),
            Path(".snakemake/starts", STUDY.study).absolute(),
        )
        atexit.register(START.end)
        DAMAGED = damaged_files(FOLDER.path)
        START.write_specs(specs_of(STUDY, code_of), again=DAMAGED.values())
        START.set_aside(DAMAGED)
    except StudyError as fault:
        raise WorkflowError(str(fault)) from None
    except OSError as fault:
        raise WorkflowError(
            f"{FOLDER.path} cannot be written to: {fault}\nA start writes there what its jobs "
            "are to do, a dry run too. Mend that, or work on a copy of the folder."
        ) from None
    if DAMAGED:
        logger.warning(damage_in_words(DAMAGED, FOLDER.path))


onstart:
    # called where there are jobs, and no dry run
    if workflow.is_main_process and not (
        workflow.dag_settings.targets
        and set(workflow.dag_settings.targets) <= LOOKING
    ):
        START.keep()
