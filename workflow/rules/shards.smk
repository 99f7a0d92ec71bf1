# Training tokens in several files: a job a shard, and one that checks and lists them.


rule tokenize_shard:
    input:
        **warmed_for(*STUDY.corpus.train),
        spec=spec_of("tokenize_shard", "{shard}"),
        # its name is in the params; a file that is only linked to may be older than it
        tokenizer=ancient(results("tokenizer/tokenizer.json")),
        config=ancient(results("tokenizer/tokenizer_config.json")),
    output:
        tokens=results("tokens/shard-{shard}.bin"),
        manifest=results("tokens/shard-{shard}.json"),
    log:
        results("logs/tokenize_shard/{shard}.log"),
    threads: STUDY.execution.threads
    resources:
        **ASKS.of(megabytes=8000, minutes=tokenizing_minutes(STUDY)),
    message:
        "Tokenising shard {wildcards.shard} of " + str(STUDY.corpus.shards)
    script:
        "../scripts/tokenize_shard.py"


rule join_shards:
    input:
        spec=spec_of("join_shards"),
        tokens=ancient(TOKENS),
        manifests=expand(results("tokens/shard-{shard}.json"), shard=JOBS.shards),
    output:
        results("tokens/manifest.json"),
    log:
        results("logs/join_shards.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=120),
    message:
        "Checking the shards of the training tokens"
    script:
        "../scripts/join_shards.py"


rule find_overlap:
    input:
        **HELDOUT,
        spec=spec_of("find_overlap", "{shard}"),
        tokens=results("tokens/shard-{shard}.bin"),
        manifest=results("tokens/shard-{shard}.json"),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        results("corpus/overlap/{shard}.npy"),
    log:
        results("logs/find_overlap/{shard}.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=tokenizing_minutes(STUDY)),
    message:
        "Looking for held-out text in shard {wildcards.shard}"
    script:
        "../scripts/find_overlap.py"


rule measure_leakage:
    input:
        **HELDOUT,
        spec=spec_of("measure_leakage"),
        found=expand(results("corpus/overlap/{shard}.npy"), shard=JOBS.shards),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        results("tables/leakage.parquet"),
    log:
        results("logs/measure_leakage.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=60),
    message:
        "Measuring how much held-out text stands in the training text"
    script:
        "../scripts/join_overlap.py"
