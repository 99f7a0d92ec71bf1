# A job a cohort, a cell a checkpoint and task; perturbed checkpoints are taken like any other.


rule evaluate_checkpoints:
    input:
        **{domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS},
        spec=spec_of("evaluate_checkpoints", "{cohort}"),
        trained=results("trained/{cohort}.json"),
        perturbed=perturbed_of,
    output:
        rows=results("evaluation/{cohort}.parquet"),
        quarantined=results("evaluation/{cohort}.quarantined.json"),
    log:
        results("logs/evaluate_checkpoints/{cohort}.log"),
    threads: ASKS.evaluating.threads
    resources:
        **ASKS.evaluating.resources,
    message:
        "Evaluating {wildcards.cohort}"
    script:
        "../scripts/evaluate_checkpoints.py"
