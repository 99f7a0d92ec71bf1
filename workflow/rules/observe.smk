# A table of models that others trained and measured, in place of training and measuring.


rule take_observations:
    input:
        file=STUDY.observations.file,
        spec=spec_of("take_observations"),
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
    message:
        "Reading {input.file}"
    script:
        "../scripts/take_observations.py"
