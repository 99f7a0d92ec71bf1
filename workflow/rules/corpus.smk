# Text to tokens: fetch, gather, hold out, tokenise, measure leakage. Token files: one, made of
# gathered text, or several shards, each streamed by a job of its own.

from dataclasses import asdict

from disentangle.study.hub_items import hub_items
from disentangle.study.resources import tokenizing_minutes

SHARDS = list(range(STUDY.corpus.shards))

TOKENS = (
    expand(results("tokens/shard-{shard}.bin"), shard=SHARDS)
    if STUDY.corpus.sharded
    else [results("tokens/train.bin")]
)

HELDOUT = {domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS}


localrules:
    warm,


rule warm:
    output:
        # kept from before: a branch stays at the commit that it was resolved to
        update(results("hub.json")),
    log:
        results("logs/warm.log"),
    conda:
        CONDA
    params:
        needed=[asdict(item) for item in hub_items(STUDY)],
        code=code_of("warm.py"),
    message:
        "Fetching what the study takes from the hub"
    script:
        "../scripts/warm.py"


rule gather_passages:
    input:
        unpack(warmed_for_domain),
        order=order_of("gather_passages", "{domain}"),
    output:
        results("corpus/heldout/{domain}.parquet"),
    log:
        results("logs/gather_passages/{domain}.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
    params:
        heldout=heldout_of,
        halved=is_finetuned_on,
        code=code_of("gather_passages.py"),
    message:
        "Gathering held-out passages: {wildcards.domain}"
    script:
        "../scripts/gather_passages.py"


if not STUDY.corpus.sharded:

    rule gather_documents:
        input:
            **warmed_for(*STUDY.corpus.train),
            order=order_of("gather_documents"),
        output:
            results("corpus/train.parquet"),
        log:
            results("logs/gather_documents.log"),
        conda:
            CONDA
        resources:
            mem_mb=megabytes(4000),
            runtime=minutes(60),
        params:
            **ordered(
                "gather_documents",
                sources=STUDY.corpus.train,
                code=code_of("gather_documents.py"),
            ),
        message:
            "Gathering training documents"
        script:
            "../scripts/gather_documents.py"

    rule tokenize:
        input:
            order=order_of("tokenize"),
            documents=results("corpus/train.parquet"),
            tokenizer=results("tokenizer/tokenizer.json"),
        output:
            tokens=results("tokens/train.bin"),
            manifest=results("tokens/manifest.json"),
        log:
            results("logs/tokenize.log"),
        conda:
            CONDA
        resources:
            mem_mb=megabytes(4000),
            runtime=minutes(120),
        params:
            **ordered("tokenize", limit=STUDY.corpus.limit, code=code_of("tokenize.py")),
        message:
            "Tokenising the training text"
        script:
            "../scripts/tokenize.py"

    rule measure_leakage:
        input:
            **HELDOUT,
            order=order_of("measure_leakage"),
            documents=results("corpus/train.parquet"),
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
            **ordered(
                "measure_leakage",
                domains=DOMAINS,
                code=code_of("measure_leakage.py"),
            ),
        message:
            "Measuring how much held-out text stands in the training text"
        script:
            "../scripts/measure_leakage.py"


if STUDY.tokenizer.name is None:

    rule train_tokenizer:
        input:
            order=order_of("train_tokenizer"),
            documents=results("corpus/train.parquet"),
        output:
            tokenizer=results("tokenizer/tokenizer.json"),
            config=results("tokenizer/tokenizer_config.json"),
        log:
            results("logs/train_tokenizer.log"),
        conda:
            CONDA
        resources:
            mem_mb=megabytes(4000),
            runtime=minutes(60),
        params:
            **ordered(
                "train_tokenizer",
                vocab_size=STUDY.tokenizer.vocab_size,
                max_length=STUDY.model.sequence_length,
                code=code_of("train_tokenizer.py"),
            ),
        message:
            "Training the tokenizer"
        script:
            "../scripts/train_tokenizer.py"

else:

    rule take_tokenizer:
        input:
            **warmed_for(STUDY.tokenizer.name),
            order=order_of("take_tokenizer"),
        output:
            tokenizer=results("tokenizer/tokenizer.json"),
            config=results("tokenizer/tokenizer_config.json"),
        log:
            results("logs/take_tokenizer.log"),
        conda:
            CONDA
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(10),
        params:
            **ordered(
                "take_tokenizer",
                tokenizer=plain(STUDY.tokenizer),
                max_length=STUDY.model.sequence_length,
                code=code_of("take_tokenizer.py"),
            ),
        message:
            "Taking the tokenizer {params.tokenizer[name]}"
        script:
            "../scripts/take_tokenizer.py"


if STUDY.corpus.sharded:

    include: "shards.smk"
