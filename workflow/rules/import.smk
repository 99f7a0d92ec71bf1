# Models that were trained elsewhere: a job a model. Sources are read and never written to.


rule import_checkpoint:
    input:
        unpack(warmed_for_external),
        spec=spec_of("import_checkpoint", "{cohort}"),
        passages=results("corpus/heldout/id.parquet"),
    output:
        results("trained/{cohort}.json"),
    log:
        results("logs/import_checkpoint/{cohort}.log"),
    wildcard_constraints:
        cohort=one_of(EXTERNAL),
    resources:
        **ASKS.importing.resources,
    message:
        "Importing {wildcards.cohort}"
    script:
        "../scripts/import_checkpoint.py"
