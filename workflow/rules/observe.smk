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
    resources:
        **ASKS.of(megabytes=4000, minutes=30),
    message:
        "Reading {input.file}"
    script:
        "../scripts/take_observations.py"
