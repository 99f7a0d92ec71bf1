# A job a run, a cell a checkpoint and task.


rule evaluate_checkpoints:
    input:
        **{domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS},
        manifest=results("checkpoints/{run}/manifest.json"),
    output:
        results("evaluation/{run}.parquet"),
    log:
        results("logs/evaluate_checkpoints/{run}.log"),
    threads: THREADS
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=120,
    params:
        domains=DOMAINS,
        settings=plain(STUDY.evaluation),
        cells=results("cells/evaluation"),
        code=code_of("evaluate_checkpoints.py"),
    message:
        "Evaluating {wildcards.run}"
    script:
        "../scripts/evaluate_checkpoints.py"
