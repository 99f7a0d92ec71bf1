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
