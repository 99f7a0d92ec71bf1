# A job a cohort, a cell a checkpoint and matrix.


rule measure_geometry:
    input:
        **{
            domain: results(f"corpus/heldout/{domain}.parquet")
            for domain in JOBS.domains_of_h
        },
        spec=spec_of("measure_geometry", "{cohort}"),
        trained=results("trained/{cohort}.json"),
    output:
        rows=results("geometry/{cohort}.parquet"),
        quarantined=results("geometry/{cohort}.quarantined.json"),
    log:
        results("logs/measure_geometry/{cohort}.log"),
    threads: ASKS.measuring.threads
    resources:
        **ASKS.measuring.resources,
    message:
        "Measuring geometry of {wildcards.cohort}"
    script:
        "../scripts/measure_geometry.py"


rule compare_layers:
    input:
        **{
            domain: results(f"corpus/heldout/{domain}.parquet")
            for domain in JOBS.domains_of_h
        },
        spec=spec_of("compare_layers", "{cohort}"),
        trained=results("trained/{cohort}.json"),
    output:
        results("layers/{cohort}.parquet"),
    log:
        results("logs/compare_layers/{cohort}.log"),
    threads: ASKS.measuring.threads
    resources:
        **ASKS.measuring.resources,
    message:
        "Comparing layers of {wildcards.cohort}"
    script:
        "../scripts/compare_layers.py"


rule collect_layers:
    input:
        spec=spec_of("collect_layers"),
        layers=expand(results("layers/{cohort}.parquet"), cohort=MEASURED),
    output:
        results("tables/layers.parquet"),
    log:
        results("logs/collect_layers.log"),
    resources:
        **ASKS.of(megabytes=2000, minutes=10),
    message:
        "Putting the layers' table together"
    script:
        "../scripts/collect_layers.py"
