# Many runs to one table each of what was trained, measured and evaluated.

COLLECTED = [
    "checkpoints",
    "geometry",
    "evaluation",
    "observations",
    "missing",
    "doubts",
]


rule collect:
    input:
        order=order_of("collect"),
        design=results("design.json"),
        trained=expand(results("trained/{cohort}.json"), cohort=MEASURED),
        perturbed=expand(PERTURBED, cohort=PERTURBED_RUNS),
        geometry=expand(results("geometry/{cohort}.parquet"), cohort=MEASURED),
        geometry_refused=expand(
            results("geometry/{cohort}.refused.json"), cohort=MEASURED
        ),
        evaluation=expand(results("evaluation/{cohort}.parquet"), cohort=MEASURED),
        evaluation_refused=expand(
            results("evaluation/{cohort}.refused.json"), cohort=MEASURED
        ),
    output:
        **{table: results(f"tables/{table}.parquet") for table in COLLECTED},
    log:
        results("logs/collect.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(30),
    params:
        **ordered("collect", code=code_of("collect.py")),
        checkpoints=results("checkpoints"),
    message:
        "Putting the tables together"
    script:
        "../scripts/collect.py"
