# Before any job, the specs of all jobs are written and damaged outputs are moved away. Dry runs
# restore the files on exit. See disentangle.study.start.

import atexit

# targets without jobs that have a spec
LOOKING = {"plan", "verify"}

if workflow.is_main_process:
    try:
        # absolute, because Snakemake changes the working directory before it ends
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
            f"{FOLDER.path} cannot be written to: {fault}\nEvery start, also a dry run, writes "
            "the specs of its jobs there. Fix the permissions, or work on a copy of the folder."
        ) from None
    if DAMAGED:
        logger.warning(damage_in_words(DAMAGED, FOLDER.path))


onstart:
    # called only if there are jobs and it is no dry run
    if workflow.is_main_process and not (
        workflow.dag_settings.targets
        and set(workflow.dag_settings.targets) <= LOOKING
    ):
        START.keep()
