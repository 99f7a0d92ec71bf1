# From text to tokens: fetch, gather, hold out, tokenise, measure leakage. The token files are
# either one file made from gathered text, or several shards, each streamed by its own job.

from disentangle.study.resources import tokenizing_minutes

TOKENS = (
    expand(FOLDER.tokens("shard-{shard}"), shard=JOBS.shards)
    if STUDY.corpus.sharded
    else [FOLDER.tokens()]
)


localrules:
    warm,


rule warm:
    input:
        spec=spec_of("warm"),
    output:
        # kept between runs: a branch stays at the commit it was first resolved to
        update(FOLDER.hub),
    log:
        FOLDER.log("warm"),
    message:
        "Downloading the study's files from the hub"
    script:
        "../scripts/warm.py"


rule gather_passages:
    input:
        unpack(warmed_for_domain),
        spec=spec_of("gather_passages", "{domain}"),
    output:
        FOLDER.heldout("{domain}"),
    log:
        FOLDER.log("gather_passages", "{domain}"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=60),
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
            FOLDER.documents,
        log:
            FOLDER.log("gather_documents"),
        resources:
            **REQUESTS.of(megabytes=4000, minutes=60),
        message:
            "Gathering training documents"
        script:
            "../scripts/gather_documents.py"

    rule tokenize:
        input:
            spec=spec_of("tokenize"),
            documents=FOLDER.documents,
            tokenizer=FOLDER.tokenizer,
        output:
            tokens=FOLDER.tokens(),
            manifest=FOLDER.tokens_manifest(),
        log:
            FOLDER.log("tokenize"),
        resources:
            **REQUESTS.of(megabytes=4000, minutes=120),
        message:
            "Tokenising the training text"
        script:
            "../scripts/tokenize.py"

    rule measure_leakage:
        input:
            **HELDOUT,
            spec=spec_of("measure_leakage"),
            documents=FOLDER.documents,
        output:
            FOLDER.table("leakage"),
        log:
            FOLDER.log("measure_leakage"),
        resources:
            **REQUESTS.of(megabytes=4000, minutes=60),
        message:
            "Measuring how much held-out text is in the training text"
        script:
            "../scripts/measure_leakage.py"


if STUDY.tokenizer.name is None:

    rule train_tokenizer:
        input:
            spec=spec_of("train_tokenizer"),
            documents=FOLDER.documents,
        output:
            tokenizer=FOLDER.tokenizer,
            config=FOLDER.tokenizer_config,
        log:
            FOLDER.log("train_tokenizer"),
        resources:
            **REQUESTS.of(megabytes=4000, minutes=60),
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
            tokenizer=FOLDER.tokenizer,
            config=FOLDER.tokenizer_config,
        log:
            FOLDER.log("take_tokenizer"),
        resources:
            **REQUESTS.of(megabytes=2000, minutes=10),
        message:
            f"Fetching the tokenizer {STUDY.tokenizer.name}"
        script:
            "../scripts/take_tokenizer.py"


if STUDY.corpus.sharded:

    include: "shards.smk"
