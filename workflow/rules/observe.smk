# A table of models that others trained and measured, in place of training and measuring.

COLLECTED = ["observations", "missing"]


rule take_observations:
    input:
        file=STUDY.observations.file,
        order=order_of("take_observations"),
    output:
        observations=results("tables/observations.parquet"),
        missing=results("tables/missing.parquet"),
        source=results("source.json"),
    log:
        results("logs/take_observations.log"),
    conda:
        CONDA
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(30),
    params:
        **ordered(
            "take_observations",
            reading=plain(STUDY.observations),
            outcomes=STUDY.statistics.outcomes,
            code=code_of("take_observations.py"),
        ),
    message:
        "Reading {input.file}"
    script:
        "../scripts/take_observations.py"
