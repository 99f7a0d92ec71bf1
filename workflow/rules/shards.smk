# Training tokens in several files: one job per shard, and one that checks and lists them.


rule tokenize_shard:
    input:
        **warmed_for(*STUDY.corpus.train),
        spec=spec_of("tokenize_shard", "{shard}"),
        # its name is in the params; a linked file may be older than it
        tokenizer=ancient(FOLDER.tokenizer),
        config=ancient(FOLDER.tokenizer_config),
    output:
        tokens=FOLDER.tokens("shard-{shard}"),
        manifest=FOLDER.tokens_manifest("shard-{shard}"),
    log:
        FOLDER.log("tokenize_shard", "{shard}"),
    threads: STUDY.execution.threads
    resources:
        **REQUESTS.of(megabytes=8000, minutes=tokenizing_minutes(STUDY)),
    message:
        "Tokenising shard {wildcards.shard} of " + str(STUDY.corpus.shards)
    script:
        "../scripts/tokenize_shard.py"


rule join_shards:
    input:
        spec=spec_of("join_shards"),
        tokens=ancient(TOKENS),
        manifests=expand(FOLDER.tokens_manifest("shard-{shard}"), shard=JOBS.shards),
    output:
        FOLDER.tokens_manifest(),
    log:
        FOLDER.log("join_shards"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=120),
    message:
        "Checking the shards of the training tokens"
    script:
        "../scripts/join_shards.py"


rule find_overlap:
    input:
        **HELDOUT,
        spec=spec_of("find_overlap", "{shard}"),
        tokens=FOLDER.tokens("shard-{shard}"),
        manifest=FOLDER.tokens_manifest("shard-{shard}"),
        tokenizer=FOLDER.tokenizer,
    output:
        FOLDER.overlap("{shard}"),
    log:
        FOLDER.log("find_overlap", "{shard}"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=tokenizing_minutes(STUDY)),
    message:
        "Looking for held-out text in shard {wildcards.shard}"
    script:
        "../scripts/find_overlap.py"


rule measure_leakage:
    input:
        **HELDOUT,
        spec=spec_of("measure_leakage"),
        found=expand(FOLDER.overlap("{shard}"), shard=JOBS.shards),
        tokenizer=FOLDER.tokenizer,
    output:
        FOLDER.table("leakage"),
    log:
        FOLDER.log("measure_leakage"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=60),
    message:
        "Measuring how much held-out text is in the training text"
    script:
        "../scripts/join_overlap.py"
