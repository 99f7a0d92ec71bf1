# Archives a finished study in one file, and verifies such a file.


rule archive:
    input:
        CONFIG_FILES,
        FOLDER.report,
        FOLDER.table("costs"),
        expand(FOLDER.table("{table}"), table=JOBS.tables),
        expand(
            FOLDER.figure("{figure}", "{format}"),
            figure=JOBS.figures,
            format=["svg", "pdf"],
        ),
        LAYERS,
        MATRICES,
        GRADIENTS,
        [] if STUDY.observations else expand(FOLDER.trained(), cohort=MEASURED),
    output:
        FOLDER.archive,
        f"{FOLDER.archive}.sha256",
    log:
        FOLDER.log("archive"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=120),
    params:
        study=plain(STUDY),
        wanted=plain(STUDY.archive),
        root=str(workflow.basedir),
        # Snakemake lists its main file last
        config_files=[CONFIG_FILES[-1], *CONFIG_FILES[:-1]],
        scripts=all_scripts,
        # identifies the state of the workflow, so that a changed one is archived again
        state=code_state,
        allow_uncommitted=ALLOW_UNCOMMITTED,
        code=code_of("archive.py"),
    message:
        "Archiving the study in {output[0]}"
    script:
        "../scripts/archive.py"


rule verify:
    # no output, so that it always runs again; it needs no study, because all it checks is in the file
    log:
        FOLDER.log("verify"),
    threads: 2
    params:
        archive=VERIFIED,
        root=str(workflow.basedir),
    message:
        "Verifying {params.archive}"
    script:
        "../scripts/verify.py"
