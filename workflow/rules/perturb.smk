# Each run's last checkpoint is perturbed and evaluated again. One job per target for the text, one
# job per cohort for the models.


rule gather_target:
    input:
        unpack(warmed_for_target),
        **HELDOUT,
        spec=spec_of("gather_target", "{target}"),
    output:
        FOLDER.target_documents("{target}"),
    log:
        FOLDER.log("gather_target", "{target}"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=60),
    message:
        "Gathering fine-tuning text: {wildcards.target}"
    script:
        "../scripts/gather_target.py"


rule tokenize_target:
    input:
        spec=spec_of("tokenize_target", "{target}"),
        documents=FOLDER.target_documents("{target}"),
        tokenizer=FOLDER.tokenizer,
    output:
        tokens=FOLDER.tokens("targets/{target}"),
        manifest=FOLDER.tokens_manifest("targets/{target}"),
    log:
        FOLDER.log("tokenize_target", "{target}"),
    resources:
        **REQUESTS.of(megabytes=4000, minutes=120),
    message:
        "Tokenising fine-tuning text: {wildcards.target}"
    script:
        "../scripts/tokenize.py"


rule quantize:
    input:
        spec=spec_of("quantize", "{cohort}"),
        trained=FOLDER.trained(),
        passages=FOLDER.heldout("id"),
    output:
        FOLDER.perturbation("quantized"),
    log:
        FOLDER.log("quantize", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Quantizing {wildcards.cohort}"
    script:
        "../scripts/quantize.py"


rule finetune:
    input:
        **{
            target: ancient(FOLDER.tokens(f"targets/{target}"))
            for target in JOBS.targets
        },
        manifests=expand(
            FOLDER.tokens_manifest("targets/{target}"), target=JOBS.targets
        ),
        spec=spec_of("finetune", "{cohort}"),
        execution=ancient(spec_of("execution")),
        trained=FOLDER.trained(),
        tokenizer=FOLDER.tokenizer,
    output:
        FOLDER.perturbation("finetuned"),
    log:
        FOLDER.log("finetune", "{cohort}"),
    threads: REQUESTS.finetuning.threads
    resources:
        **REQUESTS.finetuning.resources,
    message:
        "Fine-tuning {wildcards.cohort}"
    script:
        "../scripts/finetune.py"


rule compress:
    input:
        spec=spec_of("compress", "{cohort}"),
        trained=FOLDER.trained(),
    output:
        made=FOLDER.perturbation("compressed"),
        left=FOLDER.measured("compression"),
    log:
        FOLDER.log("compress", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Truncating and pruning {wildcards.cohort}"
    script:
        "../scripts/compress.py"


rule operate:
    input:
        spec=spec_of("operate", "{cohort}"),
        trained=FOLDER.trained(),
        passages=FOLDER.heldout("id"),
    output:
        FOLDER.perturbation("operated"),
    log:
        FOLDER.log("operate", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Operating on {wildcards.cohort}"
    script:
        "../scripts/operate.py"


rule recover:
    input:
        spec=spec_of("recover", "{cohort}"),
        execution=ancient(spec_of("execution")),
        trained=FOLDER.trained(),
        operated=FOLDER.perturbation("operated"),
        tokens=ancient(TOKENS),
        tokens_manifest=FOLDER.tokens_manifest(),
        tokenizer=FOLDER.tokenizer,
    output:
        FOLDER.perturbation("recovered"),
    log:
        FOLDER.log("recover", "{cohort}"),
    wildcard_constraints:
        cohort=one_of(COHORTS),
    threads: REQUESTS.recovering.threads
    resources:
        **REQUESTS.recovering.resources,
    message:
        "Training {wildcards.cohort} further after surgery"
    script:
        "../scripts/recover.py"


rule measure_surgery:
    input:
        spec=spec_of("measure_surgery", "{cohort}"),
        trained=FOLDER.trained(),
        operated=FOLDER.perturbation("operated"),
        recovered=FOLDER.perturbation("recovered"),
    output:
        FOLDER.measured("surgery"),
    log:
        FOLDER.log("measure_surgery", "{cohort}"),
    threads: REQUESTS.measuring.threads
    resources:
        **REQUESTS.measuring.resources,
    message:
        "Measuring {wildcards.cohort} after surgery"
    script:
        "../scripts/measure_surgery.py"


rule collect_surgery:
    input:
        spec=spec_of("collect_surgery"),
        measured=expand(FOLDER.measured("surgery"), cohort=JOBS.operated),
        evaluation=FOLDER.table("evaluation"),
        passages=FOLDER.table("passages"),
    output:
        FOLDER.table("surgery"),
    log:
        FOLDER.log("collect_surgery"),
    resources:
        **REQUESTS.of(megabytes=2000, minutes=10),
    message:
        "Collecting the table of surgery"
    script:
        "../scripts/collect_surgery.py"
