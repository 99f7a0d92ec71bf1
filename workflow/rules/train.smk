# A job a cohort (a run, or some of one size). Weights and trainer state are not declared outputs,
# since Snakemake deletes those before a rerun; hashes of the runs' manifests stand for them.


rule pretrain:
    input:
        spec=spec_of("pretrain", "{cohort}"),
        execution=ancient(spec_of("execution")),
        # the memmaps' hashes are in the manifest, so their times do not matter
        tokens=ancient(TOKENS),
        tokens_manifest=FOLDER.tokens_manifest(),
        tokenizer=FOLDER.tokenizer,
        tokenizer_config=FOLDER.tokenizer_config,
    output:
        FOLDER.trained(),
    log:
        FOLDER.log("pretrain", "{cohort}"),
    wildcard_constraints:
        cohort=one_of(COHORTS),
    threads: ASKS.training.threads
    resources:
        **ASKS.training.resources,
    message:
        "Training {wildcards.cohort}"
    script:
        "../scripts/pretrain.py"
