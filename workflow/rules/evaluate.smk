# A job a cohort, a cell a checkpoint and task; perturbed checkpoints are taken like any other.


rule evaluate_checkpoints:
    input:
        **{domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS},
        order=order_of("evaluate_checkpoints", "{cohort}"),
        trained=results("trained/{cohort}.json"),
        perturbed=perturbed_of,
    output:
        rows=results("evaluation/{cohort}.parquet"),
        refused=results("evaluation/{cohort}.refused.json"),
    log:
        results("logs/evaluate_checkpoints/{cohort}.log"),
    conda:
        CONDA
    threads: EVALUATING["threads"]
    resources:
        gpu=EVALUATING["gpu"],
        mem_mb=EVALUATING["mem_mb"],
        runtime=EVALUATING["runtime"],
    params:
        checkpoints=results("checkpoints"),
        perturbed=results("perturbed"),
        domains=DOMAINS,
        settings=plain(STUDY.evaluation),
        cells=results("cells/evaluation"),
        code=code_of("evaluate_checkpoints.py"),
    message:
        "Evaluating {wildcards.cohort}"
    script:
        "../scripts/evaluate_checkpoints.py"
