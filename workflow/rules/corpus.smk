# Text to tokens: fetch, gather, hold out, tokenise, measure leakage. Token files: one, made of
# gathered text, or several shards, each streamed by a job of its own.

from disentangle.study.resources import tokenizing_minutes

TOKENS = (
    expand(results("tokens/shard-{shard}.bin"), shard=JOBS.shards)
    if STUDY.corpus.sharded
    else [results("tokens/train.bin")]
)

HELDOUT = {domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS}


localrules:
    warm,


rule warm:
    input:
        spec=spec_of("warm"),
    output:
        # kept from before: a branch stays at the commit that it was resolved to
        update(results("hub.json")),
    log:
        results("logs/warm.log"),
    message:
        "Fetching what the study takes from the hub"
    script:
        "../scripts/warm.py"


rule gather_passages:
    input:
        unpack(warmed_for_domain),
        spec=spec_of("gather_passages", "{domain}"),
    output:
        results("corpus/heldout/{domain}.parquet"),
    log:
        results("logs/gather_passages/{domain}.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=60),
    message:
        "Gathering held-out passages: {wildcards.domain}"
    script:
        "../scripts/gather_passages.py"


if not STUDY.corpus.sharded:

    rule gather_documents:
        input:
            **warmed_for(*STUDY.corpus.train),
            spec=spec_of("gather_documents"),
        output:
            results("corpus/train.parquet"),
        log:
            results("logs/gather_documents.log"),
        resources:
            **ASKS.of(megabytes=4000, minutes=60),
        message:
            "Gathering training documents"
        script:
            "../scripts/gather_documents.py"

    rule tokenize:
        input:
            spec=spec_of("tokenize"),
            documents=results("corpus/train.parquet"),
            tokenizer=results("tokenizer/tokenizer.json"),
        output:
            tokens=results("tokens/train.bin"),
            manifest=results("tokens/manifest.json"),
        log:
            results("logs/tokenize.log"),
        resources:
            **ASKS.of(megabytes=4000, minutes=120),
        message:
            "Tokenising the training text"
        script:
            "../scripts/tokenize.py"

    rule measure_leakage:
        input:
            **HELDOUT,
            spec=spec_of("measure_leakage"),
            documents=results("corpus/train.parquet"),
        output:
            results("tables/leakage.parquet"),
        log:
            results("logs/measure_leakage.log"),
        resources:
            **ASKS.of(megabytes=4000, minutes=60),
        message:
            "Measuring how much held-out text stands in the training text"
        script:
            "../scripts/measure_leakage.py"


if STUDY.tokenizer.name is None:

    rule train_tokenizer:
        input:
            spec=spec_of("train_tokenizer"),
            documents=results("corpus/train.parquet"),
        output:
            tokenizer=results("tokenizer/tokenizer.json"),
            config=results("tokenizer/tokenizer_config.json"),
        log:
            results("logs/train_tokenizer.log"),
        resources:
            **ASKS.of(megabytes=4000, minutes=60),
        message:
            "Training the tokenizer"
        script:
            "../scripts/train_tokenizer.py"

else:

    rule take_tokenizer:
        input:
            **warmed_for(STUDY.tokenizer.name),
            spec=spec_of("take_tokenizer"),
        output:
            tokenizer=results("tokenizer/tokenizer.json"),
            config=results("tokenizer/tokenizer_config.json"),
        log:
            results("logs/take_tokenizer.log"),
        resources:
            **ASKS.of(megabytes=2000, minutes=10),
        message:
            f"Taking the tokenizer {STUDY.tokenizer.name}"
        script:
            "../scripts/take_tokenizer.py"


if STUDY.corpus.sharded:

    include: "shards.smk"
