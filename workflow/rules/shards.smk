# Training tokens in several files: a job a shard, and one that checks and lists them.


ORDERS["tokenize_shard"] = dict.fromkeys(
    map(str, SHARDS),
    {
        "sources": STUDY.corpus.train,
        "limit": STUDY.corpus.limit,
        "shards": STUDY.corpus.shards,
        "tokenizer": plain(STUDY.tokenizer),
        "code": code_of("tokenize_shard.py"),
    },
)
ORDERS["find_overlap"] = dict.fromkeys(
    map(str, SHARDS), {"domains": DOMAINS, "code": code_of("find_overlap.py")}
)


rule tokenize_shard:
    input:
        **warmed_for(*STUDY.corpus.train),
        order=order_of("tokenize_shard", "{shard}"),
        # its name is in the params; a file that is only linked to may be older than it
        tokenizer=ancient(results("tokenizer/tokenizer.json")),
        config=ancient(results("tokenizer/tokenizer_config.json")),
    output:
        tokens=results("tokens/shard-{shard}.bin"),
        manifest=results("tokens/shard-{shard}.json"),
    log:
        results("logs/tokenize_shard/{shard}.log"),
    conda:
        CONDA
    threads: STUDY.execution.threads
    resources:
        mem_mb=megabytes(8000),
        runtime=minutes(tokenizing_minutes(STUDY)),
    params:
        **ORDERS["tokenize_shard"]["0"],
    message:
        "Tokenising shard {wildcards.shard} of {params.shards}"
    script:
        "../scripts/tokenize_shard.py"


rule join_shards:
    input:
        order=order_of("join_shards"),
        tokens=ancient(TOKENS),
        manifests=expand(results("tokens/shard-{shard}.json"), shard=SHARDS),
    output:
        results("tokens/manifest.json"),
    log:
        results("logs/join_shards.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(120),
    params:
        **ordered("join_shards", code=code_of("join_shards.py")),
    message:
        "Checking the shards of the training tokens"
    script:
        "../scripts/join_shards.py"


rule find_overlap:
    input:
        **HELDOUT,
        order=order_of("find_overlap", "{shard}"),
        tokens=results("tokens/shard-{shard}.bin"),
        manifest=results("tokens/shard-{shard}.json"),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        results("corpus/overlap/{shard}.npy"),
    log:
        results("logs/find_overlap/{shard}.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(tokenizing_minutes(STUDY)),
    params:
        **ORDERS["find_overlap"]["0"],
    message:
        "Looking for held-out text in shard {wildcards.shard}"
    script:
        "../scripts/find_overlap.py"


rule measure_leakage:
    input:
        **HELDOUT,
        order=order_of("measure_leakage"),
        found=expand(results("corpus/overlap/{shard}.npy"), shard=SHARDS),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        results("tables/leakage.parquet"),
    log:
        results("logs/measure_leakage.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(60),
    params:
        **ordered("measure_leakage", domains=DOMAINS, code=code_of("join_overlap.py")),
    message:
        "Measuring how much held-out text stands in the training text"
    script:
        "../scripts/join_overlap.py"
