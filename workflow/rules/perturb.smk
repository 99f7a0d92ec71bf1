# Each run's last checkpoint is changed, and evaluated again beside the others. A job a target
# for the text, a job a cohort for the models.


rule gather_target:
    input:
        unpack(warmed_for_target),
        **HELDOUT,
        spec=spec_of("gather_target", "{target}"),
    output:
        results("corpus/targets/{target}.parquet"),
    log:
        results("logs/gather_target/{target}.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=60),
    message:
        "Gathering text to fine-tune on: {wildcards.target}"
    script:
        "../scripts/gather_target.py"


rule tokenize_target:
    input:
        spec=spec_of("tokenize_target", "{target}"),
        documents=results("corpus/targets/{target}.parquet"),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        tokens=results("tokens/targets/{target}.bin"),
        manifest=results("tokens/targets/{target}.json"),
    log:
        results("logs/tokenize_target/{target}.log"),
    resources:
        **ASKS.of(megabytes=4000, minutes=120),
    message:
        "Tokenising the text to fine-tune on: {wildcards.target}"
    script:
        "../scripts/tokenize.py"


rule quantize:
    input:
        spec=spec_of("quantize", "{cohort}"),
        trained=results("trained/{cohort}.json"),
        passages=results("corpus/heldout/id.parquet"),
    output:
        results("quantized/{cohort}.json"),
    log:
        results("logs/quantize/{cohort}.log"),
    threads: ASKS.measuring.threads
    resources:
        **ASKS.measuring.resources,
    message:
        "Quantizing {wildcards.cohort}"
    script:
        "../scripts/quantize.py"


rule finetune:
    input:
        **{
            target: ancient(results(f"tokens/targets/{target}.bin"))
            for target in JOBS.targets
        },
        manifests=expand(results("tokens/targets/{target}.json"), target=JOBS.targets),
        spec=spec_of("finetune", "{cohort}"),
        execution=ancient(spec_of("execution")),
        trained=results("trained/{cohort}.json"),
        tokenizer=results("tokenizer/tokenizer.json"),
    output:
        results("finetuned/{cohort}.json"),
    log:
        results("logs/finetune/{cohort}.log"),
    threads: ASKS.finetuning.threads
    resources:
        **ASKS.finetuning.resources,
    message:
        "Fine-tuning {wildcards.cohort}"
    script:
        "../scripts/finetune.py"
