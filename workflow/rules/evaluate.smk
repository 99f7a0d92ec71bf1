# A job a run, a cell a checkpoint and task.


rule evaluate_checkpoints:
    input:
        **{domain: results(f"corpus/heldout/{domain}.parquet") for domain in DOMAINS},
        manifest=results("checkpoints/{run}/manifest.json"),
    output:
        results("evaluation/{run}.parquet"),
    log:
        results("logs/evaluate_checkpoints/{run}.log"),
    conda:
        CONDA
    threads: EVALUATING["threads"]
    resources:
        gpu=EVALUATING["gpu"],
        mem_mb=EVALUATING["mem_mb"],
        runtime=EVALUATING["runtime"],
    params:
        domains=DOMAINS,
        settings=plain(STUDY.evaluation),
        cells=results("cells/evaluation"),
        code=code_of("evaluate_checkpoints.py"),
    message:
        "Evaluating {wildcards.run}"
    script:
        "../scripts/evaluate_checkpoints.py"
