# External models: one job per model. Sources are only read, never written.


rule import_checkpoint:
    input:
        unpack(warmed_for_external),
        spec=spec_of("import_checkpoint", "{cohort}"),
        passages=FOLDER.heldout("id"),
    output:
        FOLDER.trained(),
    log:
        FOLDER.log("import_checkpoint", "{cohort}"),
    wildcard_constraints:
        cohort=one_of(EXTERNAL),
    resources:
        **REQUESTS.importing.resources,
    message:
        "Importing {wildcards.cohort}"
    script:
        "../scripts/import_checkpoint.py"
