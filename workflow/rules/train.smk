# One job per cohort (one run, or several of the same size). Weights and trainer state are not
# declared outputs, because Snakemake deletes outputs before a rerun; the outputs are hashes of the
# runs' manifests.


rule pretrain:
    input:
        unpack(late_text_of),
        spec=spec_of("pretrain", "{cohort}"),
        execution=ancient(spec_of("execution")),
        # the manifest has the memmaps' hashes, so modification times do not matter
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
    threads: REQUESTS.training.threads
    resources:
        **REQUESTS.training.resources,
    message:
        "Training {wildcards.cohort}"
    script:
        "../scripts/pretrain.py"
